"""Dispatchers as processes of their own, to be killed."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

from tests.servers import PROJECT, process_environment


class Dispatchers:
    """A running set of `count`; they are killed as a machine would."""

    def __init__(self, process: "subprocess.Popen[str]", count: int) -> None:
        self._process = process
        self._count = count
        self._living: set[int] = set()
        self._changed = threading.Condition()
        self.killed = 0
        threading.Thread(target=self._read, daemon=True).start()

    def kill(self) -> None:
        """kill -9 of one of them, waiting for one to be there."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._living, 30), "No dispatcher lives."
            self._kill(random.choice(sorted(self._living)))

    def kill_all(self) -> None:
        """kill -9 of all of them, waiting for all to be there, and of none that follows them."""
        with self._changed:
            whole = self._changed.wait_for(lambda: len(self._living) == self._count, 30)
            assert whole, f"Only {len(self._living)} dispatchers live."
            for pid in sorted(self._living):
                self._kill(pid)

    def _kill(self, pid: int) -> None:
        self._living.remove(pid)
        os.kill(pid, signal.SIGKILL)
        self.killed += 1

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._living.add(int(line))
                self._changed.notify_all()


@contextlib.contextmanager
def dispatchers(count: int) -> Iterator[Dispatchers]:
    """So many of them on this worker's databases, until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.routing.dispatching", str(count)],
        cwd=PROJECT,
        env=process_environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Dispatchers(process, count)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

"""The processes of a development run: each writes its own log, and all end together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.processes import tail

PROJECT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Children:
    """Started in order, stopped in the opposite order."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        logs.mkdir(mode=0o700, exist_ok=True)
        self.logs = logs
        self._environment = dict(environment)
        self._running: list[Child] = []

    def start(
        self, name: str, arguments: Sequence[str], *, also: Mapping[str, str] | None = None
    ) -> Child:
        """Start `python -m ...`; what it prints goes to `<name>.log`, begun anew.

        `also`: environment of its own, beside what all have.
        """
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=PROJECT,
                env={**self._environment, **(also or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the whole group of the terminal; a group of its own leaves the
                # order of stopping to us.
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        child = Child(name, process, log)
        self._running.append(child)
        return child

    def dead(self) -> Child | None:
        """The first child that has ended."""
        return next((child for child in self._running if child.process.poll() is not None), None)

    def finish(self, child: Child) -> int:
        """Forget a child that is to end by itself; its exit code."""
        self._running.remove(child)
        return child.process.wait()

    def stop(self, *, hurry: Callable[[], bool], patience: float = 12.0) -> None:
        """Terminate all, each with whatever it started; kill after `patience` seconds or in hurry.

        The web server first refuses new work, then the worker finishes its tasks.
        """
        while self._running:
            child = self._running.pop()
            _signal_group(child.process, signal.SIGTERM, leader_only=True)
            deadline = time.monotonic() + patience
            while child.process.poll() is None and time.monotonic() < deadline and not hurry():
                time.sleep(0.05)
            # The group outlives its leader where a worker's own children hang.
            _signal_group(child.process, signal.SIGKILL)
            child.process.wait()


def story_of(child: Child) -> str:
    """Why a child's end is visible in its log, in words for the developer."""
    code = child.process.returncode
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    return f"{child.name} {how}. The end of {child.log}:\n{tail(child.log, lines=20)}"


def _signal_group(
    process: subprocess.Popen[bytes], number: signal.Signals, *, leader_only: bool = False
) -> None:
    try:
        if leader_only:
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def _end_with_parent() -> None:
    # Even a killed supervisor leaves no orphan that holds the port.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

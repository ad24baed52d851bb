"""Questions about processes that this one did not start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def pid_in(path: Path) -> int | None:
    """The process id in the first line of a pid file, or None."""
    try:
        return int(path.read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def is_ours(pid: int | None, mark: Path) -> bool:
    """Whether the process runs and names this path in its command line.

    After a crash the system may have given a pid file's number to another program.
    """
    if pid is None:
        return False
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        if Path("/proc/self").exists():
            return False
        command = subprocess.run(
            ["ps", "-p", str(pid), "-o", "command="], capture_output=True, check=False
        ).stdout
    return os.fsencode(mark) in command


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether the condition came true in time; it is asked every 20 ms."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end(pid: int, mark: Path, *, seconds: float) -> None:
    """Terminate the process, kill it when it does not go in time, and wait until it is gone."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        if not is_ours(pid, mark):
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if wait_until(lambda: not is_ours(pid, mark), seconds=patience):
            return


def size_of(path: Path) -> int:
    """How many bytes a log has; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def tail(path: Path, *, lines: int = 12, since: int = 0) -> str:
    """The last lines of a log, indented, for an error message; none before the byte `since`."""
    try:
        text = path.read_bytes()[since:].decode(errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])

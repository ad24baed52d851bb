"""daphne processes for load, and the load generator's own."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers import free_port

PROJECT = Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def daphne(
    application: str = "config.asgi:application", *, program: str = "config.serve"
) -> Iterator[tuple[int, int]]:
    """A server on a free port: (port, process id). `program`: ours, or "daphne" as it comes."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            program,
            "-v",
            "0",
            "-b",
            "127.0.0.1",
            "-p",
            str(port),
            application,
        ],
        cwd=PROJECT,
        env={
            **os.environ,
            "PUBLIC_PORT": str(port),
            "SOCKET_RATE_FACTOR": "1000000",
            "LOG_LEVEL": "WARNING",
        },
    )
    try:
        _wait(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def load(plan: dict[str, Any]) -> dict[str, Any]:
    """Run the load generator on a plan; what it found."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.live.load"],
        cwd=PROJECT,
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    kinds = ("lost", "doubled", "unacked", "closed_sockets", "errors")
    faults = {kind: found[kind] for kind in kinds}
    if any(faults.values()):
        print(f"Not as it should be: {faults} of {found['sent']} sent. {found['last_error']}")
    return found


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"daphne ended with {process.returncode}.")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return

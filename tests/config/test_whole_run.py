"""`make run` from nothing to the addresses and back to nothing, with every real process."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded
from config.embedded.processes import wait_until
from config.embedded.state import free_port
from tests.config.test_run import ended

PROJECT = Path(__file__).resolve().parents[2]
# The tests' own servers are not for this run: it starts its own.
FOREIGN = ("DATABASE_URL", "KEYS_DATABASE_URL", "REDIS_URL", "REDIS_PREFIX", "EMAIL_HOST")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    embedded.remove(tmp_path / "data")


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text(encoding="utf-8").split()]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_a_run_shows_its_addresses_and_takes_everything_down_again(folder: Path) -> None:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    with subprocess.Popen(
        [sys.executable, "-m", "config.run", "--port", str(port)],
        cwd=PROJECT,
        env={**environment, "SWITCHBOARD_DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdout is not None
        shown = ""
        for line in run.stdout:
            shown += line
            if line.startswith("Ctrl-C"):
                break
        try:
            assert run.poll() is None, shown
            assert shown.endswith("Ctrl-C stops everything.\n"), shown
            assert f"http://localhost:{port}/desk/" in shown
            assert "agent of both companies" in shown
            with urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=10) as answer:
                assert answer.status == 200
            children = children_of(run.pid)
            assert len(children) >= 3
            assert embedded.running(folder) is True
        finally:
            run.send_signal(signal.SIGTERM)
            shown += run.stdout.read()
            run.wait(60)
    assert run.returncode == 0, shown
    assert shown.endswith(f"Stopping ...\nStopped. The data stays in {folder}\n")
    assert wait_until(lambda: all(ended(child) for child in children), seconds=5)
    assert embedded.running(folder) is False
    passwords = embedded.secrets(folder)
    logs = "".join(path.read_text("utf-8", "replace") for path in (folder / "logs").iterdir())
    assert passwords.secret_key not in logs
    assert passwords.field_encryption_keys[0] not in logs

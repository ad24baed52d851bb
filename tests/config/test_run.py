"""`make run`: what it refuses, and that its processes end together."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.processes import wait_until
from config.embedded.state import free_port
from config.run.children import Children, story_of

PROJECT = Path(__file__).resolve().parents[2]


def run(folder: Path, port: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "config.run", "--port", port],
        cwd=PROJECT,
        env={**os.environ, "SWITCHBOARD_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_second_run_beside_the_first_is_refused_and_starts_nothing(tmp_path: Path) -> None:
    with (tmp_path / "run.lock").open("w", encoding="utf-8") as first:
        first.write("process 4711, http://localhost:8000/")
        first.flush()
        fcntl.flock(first, fcntl.LOCK_EX)
        result = run(tmp_path, "8000")
    assert result.returncode == 1
    assert "already runs from" in result.stderr
    assert "(process 4711, http://localhost:8000/)" in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_a_taken_port_is_refused_with_the_way_out(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", port))
        rival.listen()
        result = run(tmp_path, str(port))
    assert result.returncode == 1
    assert f"Port {port} of 127.0.0.1 is taken" in result.stderr
    assert f"make run PORT={port + 1}" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


@pytest.mark.parametrize("port", ["0", "65536", "http", "80a", ""])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    result = run(tmp_path, port)
    assert result.returncode == 1
    assert f"PORT={port} is no port" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """Children that may run the modules a test writes into its folder."""
    children = Children(tmp_path / "logs", {**os.environ, "PYTHONPATH": str(tmp_path)})
    yield children
    children.stop(hurry=lambda: True)


def write_module(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")


def test_a_child_that_dies_is_named_with_the_end_of_its_log(
    children: Children, tmp_path: Path
) -> None:
    write_module(tmp_path, "steady", "import time; time.sleep(60)")
    write_module(tmp_path, "failing", "print('no such queue'); raise SystemExit(3)")
    children.start("web", ["steady"])
    assert children.dead() is None
    worker = children.start("worker", ["failing"])
    assert wait_until(lambda: children.dead() is not None, seconds=20)
    assert children.dead() is worker
    assert story_of(worker).startswith("worker ended with status 3.")
    assert story_of(worker).endswith("  no such queue")


def test_stopping_ends_a_child_that_ignores_it_and_what_that_started(
    children: Children, tmp_path: Path
) -> None:
    write_module(
        tmp_path,
        "stubborn",
        """
        import signal, subprocess, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = subprocess.Popen(["sleep", "60"])
        print(grandchild.pid, flush=True)
        time.sleep(60)
        """,
    )
    child = children.start("stubborn", ["stubborn"])
    assert wait_until(lambda: child.log.stat().st_size > 0, seconds=20)
    grandchild = int(child.log.read_text(encoding="utf-8"))

    children.stop(hurry=lambda: False, patience=0.2)

    assert child.process.returncode == -signal.SIGKILL
    assert wait_until(lambda: ended(grandchild), seconds=5)


@pytest.mark.skipif(sys.platform != "linux", reason="uses prctl(2)")
def test_a_killed_run_leaves_no_child_behind(tmp_path: Path) -> None:
    write_module(tmp_path, "steady", "import time; time.sleep(60)")
    write_module(
        tmp_path,
        "supervisor",
        """
        import os, pathlib, time
        from config.run.children import Children
        folder = pathlib.Path(os.environ["FOLDER"])
        child = Children(folder / "logs", os.environ).start("web", ["steady"])
        print(child.process.pid, flush=True)
        time.sleep(60)
        """,
    )
    path = f"{tmp_path}{os.pathsep}{PROJECT}"
    with subprocess.Popen(
        [sys.executable, "-m", "supervisor"],
        env={**os.environ, "PYTHONPATH": path, "FOLDER": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        assert not ended(child)
        supervisor.kill()
    assert wait_until(lambda: ended(child), seconds=5)


def ended(pid: int) -> bool:
    """Whether the process is gone, or dead and only waiting for its parent to notice."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"

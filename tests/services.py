"""Loaded before everything else (`-p tests.services`): the servers the tests run on.

Their own embedded pair in a throw-away folder, or the ones DATABASE_URL and REDIS_URL name.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from config import embedded

_STARTED = "SWITCHBOARD_TEST_SERVICES"
# Tests may lose their data with the machine; waiting for the disk would only slow them.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_PREFIX = "switchboard-test-"
_OWNER = "owner.pid"

_folder: Path | None = None


def _start() -> None:
    global _folder
    os.environ["DEVELOPMENT"] = "1"
    # Test databases are named after the worker; so is everything kept in Valkey.
    os.environ["REDIS_PREFIX"] = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    if os.environ.get(_STARTED) or (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        return
    _remove_orphans()
    _folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (_folder / _OWNER).write_text(str(os.getpid()))
    atexit.register(_stop)
    services = embedded.start(_folder, postgres_options=_FAST)
    os.environ.update(
        {
            _STARTED: str(_folder),
            "SWITCHBOARD_DATA_DIR": str(_folder),
            "DATABASE_URL": services.database_url,
            "KEYS_DATABASE_URL": services.keys_database_url,
            "REDIS_URL": services.redis_url,
        }
    )


def are_ours() -> bool:
    """Whether the tests run on servers of their own, in settings.DATA_DIR."""
    return _STARTED in os.environ


def _stop() -> None:
    global _folder
    if _folder is not None:
        folder, _folder = _folder, None
        embedded.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_orphans() -> None:
    """Stop the servers of test runs that were killed."""
    for owner in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_OWNER}"):
        if not Path(f"/proc/{owner.read_text()}").exists():
            embedded.remove(owner.parent)
            shutil.rmtree(owner.parent, ignore_errors=True)


def pytest_unconfigure() -> None:
    _stop()


_start()

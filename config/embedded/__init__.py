"""PostgreSQL and Valkey for development and tests, from their wheels, under one data folder.

Nothing here imports Django, so the settings may call `urls()` while they are being read.
A data folder of None means SWITCHBOARD_DATA_DIR, or `.data` in the project.
"""

from __future__ import annotations

import os
import shutil
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple

from config.embedded import postgres, valkey
from config.embedded.errors import EmbeddedError
from config.embedded.placement import Placement, place, remove_copies
from config.embedded.state import (
    State,
    load_json,
    load_or_make,
    load_state,
    locked,
    save_json,
)

__all__ = [
    "DevelopmentSecrets",
    "EmbeddedError",
    "Services",
    "data_folder",
    "remove",
    "remove_copies",
    "running",
    "secrets",
    "start",
    "stop",
    "urls",
]

_PROJECT = Path(__file__).resolve().parents[2]


class Services(NamedTuple):
    """Addresses with their passwords inside: never print or log one."""

    database_url: str
    keys_database_url: str
    redis_url: str


class DevelopmentSecrets(NamedTuple):
    """What a real deployment is given in SECRET_KEY and FIELD_ENCRYPTION_KEY."""

    secret_key: str
    field_encryption_keys: list[str]


def data_folder(data_dir: Path | None = None) -> Path:
    """The absolute data folder; it need not exist yet."""
    if data_dir is not None:
        return data_dir.absolute()
    named = os.environ.get("SWITCHBOARD_DATA_DIR", "").strip()
    return Path(named).expanduser().absolute() if named else _PROJECT / ".data"


def urls(data_dir: Path | None = None) -> Services:
    """The addresses the servers have or will have; starts nothing.

    The first call reserves ports and passwords in `embedded.json`. `start()` moves a server to
    another port when its own is taken, so ask again after a start.
    """
    folder = data_folder(data_dir)
    known = load_state(folder)
    if known is None:
        with locked(folder):
            known = load_or_make(folder)
    return _services(known)


def start(
    data_dir: Path | None = None, *, postgres_options: Mapping[str, str] | None = None
) -> Services:
    """Start what does not run yet and wait until both answer.

    `postgres_options` (such as fsync=off for tests) count only where the server is started.
    Raises EmbeddedError with the end of the server's log when one does not come up.
    """
    folder = data_folder(data_dir)
    with locked(folder):
        state = load_or_make(folder)
        where = place(folder, state)
        state = postgres.start(folder, where, state, options=postgres_options or {})
        state = valkey.start(folder, where, state)
    return _services(state)


def stop(data_dir: Path | None = None) -> None:
    """Stop both servers and wait until they are gone; fine when they do not run."""
    folder = data_folder(data_dir)
    if load_state(folder) is None:
        return
    with locked(folder):
        where = _placement(folder)
        if where is not None:
            valkey.stop(where)
            postgres.stop(where)


def running(data_dir: Path | None = None) -> bool:
    """Whether both servers of this folder run."""
    where = _placement(data_folder(data_dir))
    return where is not None and postgres.alive(where) and valkey.alive(where)


def remove(data_dir: Path | None = None) -> None:
    """Stop both servers and delete their data, wherever it is kept."""
    folder = data_folder(data_dir)
    where = _placement(folder)
    stop(folder)
    if where is not None:
        shutil.rmtree(where.postgres, ignore_errors=True)
        shutil.rmtree(where.valkey, ignore_errors=True)
        if where.home != folder:
            shutil.rmtree(where.home, ignore_errors=True)
    (folder / "embedded.json").unlink(missing_ok=True)


def secrets(data_dir: Path | None = None) -> DevelopmentSecrets:
    """Development secrets, made once and kept in `secrets.json`; never for production."""
    folder = data_folder(data_dir)
    path = folder / "secrets.json"
    known = load_json(path)
    if known is None:
        with locked(folder):
            known = load_json(path)
            if known is None:
                known = {
                    "SECRET_KEY": token_urlsafe(48),
                    # A Fernet key: 32 random bytes, base64url (github.com/fernet/spec).
                    "FIELD_ENCRYPTION_KEY": [urlsafe_b64encode(os.urandom(32)).decode()],
                }
                save_json(path, known)
    try:
        return DevelopmentSecrets(
            secret_key=str(known["SECRET_KEY"]),
            field_encryption_keys=[str(key) for key in known["FIELD_ENCRYPTION_KEY"]],
        )
    except (KeyError, TypeError):
        raise EmbeddedError(
            f"{path} lacks a secret. Put the missing line back, or delete the folder {folder} "
            "to begin anew: without its key, encrypted data there cannot be read."
        ) from None


def _placement(folder: Path) -> Placement | None:
    """Where the servers live, or None before their first start."""
    state = load_state(folder)
    if state is None or state.home is None:
        return None
    return place(folder, state)


def _services(state: State) -> Services:
    login = f"postgresql://{postgres.ROLE}:{state.password}@127.0.0.1:{state.postgres_port}"
    return Services(
        database_url=f"{login}/{postgres.DATABASE}",
        keys_database_url=f"{login}/{postgres.KEYS_DATABASE}",
        redis_url=f"redis://:{state.valkey_password}@127.0.0.1:{state.valkey_port}/0",
    )

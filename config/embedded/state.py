"""What is remembered of the embedded servers between runs, and the lock two starters meet at."""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from config.embedded.errors import EmbeddedError

# Below the range Linux hands to outgoing connections (32768 on), so that a reserved port is
# still free tomorrow.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class State:
    """Ports and passwords; `home` is where the servers' data went, None before a first start."""

    postgres_port: int
    valkey_port: int
    admin_password: str
    password: str
    valkey_password: str
    home: str | None = None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, making the folder first where it is missing."""
    make_data_folder(folder)
    try:
        handle = os.open(folder / "embedded.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_data_folder(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not folder.exists():
            # The account that root drops to must pass through a folder that is ours to make;
            # every file in it has its own 0600 or 0700.
            folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None


def load_state(folder: Path) -> State | None:
    """The state, or None where none was ever saved."""
    path = folder / "embedded.json"
    known = load_json(path)
    if known is None:
        return None
    try:
        return State(**known)
    except TypeError:
        raise EmbeddedError(_damaged(path)) from None


def load_or_make(folder: Path) -> State:
    """The saved state, or a new one with free ports, saved. Call it with the lock held."""
    known = load_state(folder)
    if known is None:
        first = free_port()
        known = State(
            postgres_port=first,
            valkey_port=free_port(other_than=first),
            admin_password=token_urlsafe(24),
            password=token_urlsafe(24),
            valkey_password=token_urlsafe(24),
        )
        save_state(folder, known)
    return known


def save_state(folder: Path, state: State) -> None:
    save_json(folder / "embedded.json", asdict(state))


def changed(folder: Path, state: State, **values: Any) -> State:
    """The state with these values, saved where they differ."""
    new = replace(state, **values)
    if new != state:
        save_state(folder, new)
    return new


def load_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None where there is no file."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise EmbeddedError(
            f"{path} belongs to another account. Run as that account, or set "
            "SWITCHBOARD_DATA_DIR to another folder."
        ) from None
    except ValueError:
        raise EmbeddedError(_damaged(path)) from None
    if not isinstance(known, dict):
        raise EmbeddedError(_damaged(path))
    return known


def save_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write whole or not at all, readable by the owner only."""
    # mkstemp makes its file with mode 0600.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def free_port(*, other_than: int | None = None) -> int:
    """A loopback port nobody listens on now."""
    for port in random.sample(_PORTS, 200):
        if port != other_than and port_is_free(port):
            return port
    raise EmbeddedError("No free port between 20000 and 31999 on 127.0.0.1; stop some programs.")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As the servers do: without it a port is refused for a minute after its last use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _unusable(folder: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(
        f"The data folder {folder} cannot be used: {error.strerror}. Run as the account that "
        "owns it, or set SWITCHBOARD_DATA_DIR to another folder."
    )


def _damaged(path: Path) -> str:
    return (
        f"{path} is damaged. Put back a good copy, or delete the folder {path.parent} with the "
        "development data in it and start again."
    )

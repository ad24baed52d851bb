"""Typed readers of environment variables.

A default of None makes the variable required. An empty variable counts as unset, so that a line
`NAME=` in a compose file means the default. Every reader raises ImproperlyConfigured, with a
sentence that says what to do, for a value it cannot use; no message repeats a secret.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def env_str(name: str, default: str | None = None) -> str:
    """The value without surrounding white space."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}; it has no default.")
    return default


def env_bool(name: str, default: bool | None = None) -> bool:
    """1, true, yes, on or 0, false, no, off, in any letter case."""
    value = os.environ.get(name, "").strip().lower()
    if not value and default is not None:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {_shown(name)}; set it to 1 or 0 (true, false).")


def env_int(name: str, default: int | None = None) -> int:
    """A whole number in decimal digits."""
    value = os.environ.get(name, "").strip()
    if not value and default is not None:
        return default
    # int() alone would take "1_000" and digits of other scripts.
    if value.removeprefix("-").isdecimal() and value.isascii():
        return int(value)
    raise ImproperlyConfigured(f"{name} is {_shown(name)}; set it to a whole number.")


def env_list(name: str, default: list[str] | None = None) -> list[str]:
    """The parts between commas, stripped, empty ones left out."""
    parts = [part.strip() for part in os.environ.get(name, "").split(",")]
    found = [part for part in parts if part]
    if found:
        return found
    if default is None:
        raise ImproperlyConfigured(f"Set {name} to values separated by commas; it has no default.")
    return list(default)


def env_secret(name: str, default: str | None = None) -> str:
    """NAME itself, or the text of the file that NAME_FILE names, without its last line end.

    Docker and Kubernetes hand secrets over as files, which keeps them out of `docker inspect`
    and of every child's environment.
    """
    value = os.environ.get(name, "")
    path = os.environ.get(f"{name}_FILE", "")
    if value and path:
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set; keep one of them.")
    if path:
        value = _read_secret(name, path)
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"Set {name}, or {name}_FILE to a file that holds it.")
    return default


def _read_secret(name: str, path: str) -> str:
    try:
        value = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ImproperlyConfigured(
            f"{name}_FILE names {path}, which cannot be read: {reason}."
        ) from None
    if not value:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which is empty.")
    return value


def _shown(name: str) -> str:
    value = os.environ.get(name, "").strip()
    return repr(value) if value else "not set"

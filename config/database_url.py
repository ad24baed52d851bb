"""DATABASE_URL to a Django database setting."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def database_from_url(url: str, *, engine: str, conn_max_age: int) -> dict[str, Any]:
    """Return the setting for `postgres://user:password@host:port/name?option=value`.

    Raises ImproperlyConfigured for another scheme or a missing name.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or len(parts.path) < 2:
        raise ImproperlyConfigured(
            "Write a database URL as postgres://user:password@host:port/name."
        )
    return {
        "ENGINE": engine,
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": conn_max_age,
        "CONN_HEALTH_CHECKS": True,
        # Values travel beside the statement: to write them into its text in Python takes a tenth of
        # the time in which a visitor starts a chat.
        "OPTIONS": {"server_side_binding": True, **dict(parse_qsl(parts.query))},
    }

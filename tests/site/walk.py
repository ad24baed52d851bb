"""Every address of a site, with sample values in place of its variables."""

import re
import uuid
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

_SAMPLES = {"uuid": str(uuid.UUID(int=7)), "int": "7", "slug": "nobody", "str": "x", "path": "7"}


def routes(urlconf: str) -> Iterator[str]:
    """The route of every pattern, as Django shows it: `admin/people/<uuid:user_id>/`."""
    yield from _routes(get_resolver(urlconf).url_patterns, "")


def address(route: str) -> str:
    """An address that the route matches."""

    def sample(variable: re.Match[str]) -> str:
        kind, _, name = variable[1].rpartition(":")
        return _SAMPLES[kind or "str"] if name else ""

    plain = re.sub(r"<([^>]+)>", sample, route)
    # What allauth writes as regular expressions.
    plain = re.sub(r"\(\?P[^)]*\)", "x", plain).replace("^", "").replace("$", "").replace("\\", "")
    return f"/{plain}"


def _routes(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route

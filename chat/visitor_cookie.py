"""The cookie by which a returning visitor is known: a random secret that nothing else stores.

It is partitioned (CHIPS): the same person on two companies' websites, or on two websites of one
company, is two visitors, and browsers that block third-party cookies still send it.
"""

import http.cookies

from django.http import HttpRequest, HttpResponse

NAME = "__Host-visitor"
MAX_AGE_SECONDS = 180 * 24 * 3600

# The standard library knows the attribute from Python 3.14 on.
http.cookies.Morsel._reserved.setdefault("partitioned", "Partitioned")  # type: ignore[attr-defined] # noqa: SLF001
http.cookies.Morsel._flags.add("partitioned")  # type: ignore[attr-defined] # noqa: SLF001


def read(request: HttpRequest) -> str | None:
    """The secret the browser sent, or None."""
    return request.COOKIES.get(NAME)


def write(response: HttpResponse, secret: str) -> None:
    """Set the cookie. Browsers take its Secure flag on https and on `*.localhost`."""
    response.set_cookie(
        NAME,
        secret,
        max_age=MAX_AGE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="None",
    )
    response.cookies[NAME]["partitioned"] = True

"""Compressed answers of views: WhiteNoise compresses what is a file, and nothing else would.

Only for what holds nothing secret: beside a secret, words that a stranger puts into an address
would tell it by the length of the answer (BREACH).
"""

import functools
import gzip
import re

import brotli
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# A tenth larger than the smallest, for a fifth of its time: as settings change, so does the text.
_QUALITY = 5
_REFUSED = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)


def compress(request: HttpRequest, response: HttpResponse) -> None:
    """Encode the response as the client accepts it: br, else gzip, else as it is.

    Its ETag, if it has a strong one, becomes that of the encoded form (RFC 9110, section 8.8.3.3).
    """
    patch_vary_headers(response, ["Accept-Encoding"])
    coding = _coding(request.headers.get("Accept-Encoding", ""))
    if not coding:
        return
    response.content = _encoded(response.content, coding)
    response["Content-Encoding"] = coding
    if response.has_header("ETag"):
        response["ETag"] = f'{response["ETag"][:-1]}-{coding}"'


def _coding(accepted: str) -> str:
    """'br', 'gzip' or ''; of a client's weights (RFC 9110, section 12.5.3) only the noes count."""
    offers = (offer.partition(";") for offer in accepted.lower().split(","))
    names = {name.strip() for name, _, weight in offers if not _REFUSED.fullmatch(weight)}
    return next((coding for coding in ("br", "gzip") if coding in names), "")


@functools.lru_cache(maxsize=128)
def _encoded(content: bytes, coding: str) -> bytes:
    if coding == "br":
        return bytes(brotli.compress(content, quality=_QUALITY))
    return gzip.compress(content, mtime=0)

"""How often one address may ask for something that costs us a row; counted in Redis.

Without Redis each process counts for itself: looser, but never off and never an error.
"""

import time

import redis
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from tenants.errors import TooFast
from tenants.resolution import CompanyRef

_KEPT = 10_000
_local: dict[str, tuple[float, int]] = {}


def count_request(
    request: HttpRequest, company: CompanyRef, kind: str, *, limit: int, seconds: int
) -> None:
    """Count one request of this address; raises TooFast from the `limit + 1`st in `seconds` on."""
    address = salted_hmac("limits", request.META.get("REMOTE_ADDR", "")).hexdigest()[:32]
    key = f"limit:{company.id}:{kind}:{address}"
    try:
        cache.add(key, 0, seconds)
        count = cache.incr(key)
    except (redis.RedisError, ValueError):
        # ValueError: the count ran out between the two commands.
        count = _count_here(key, seconds)
    if count > limit:
        raise TooFast(retry_after=seconds)


def _count_here(key: str, seconds: int) -> int:
    now = time.monotonic()
    until, count = _local.get(key, (0.0, 0))
    if until <= now:
        until, count = now + seconds, 0
    if len(_local) >= _KEPT:
        _local.clear()
    _local[key] = (until, count + 1)
    return count + 1

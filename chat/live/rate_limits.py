"""Token buckets in this process's memory: they hold with Redis and without it."""

import dataclasses
import time

from django.conf import settings

_KEPT = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and then so many a second."""

    burst: float
    per_second: float


FRAMES = Rate(120, 20)
VISITOR_MESSAGES = Rate(20, 1)
DESK_MESSAGES = Rate(60, 5)
# Of one visitor, where each request is a short socket.
REQUESTS = Rate(60, 5)
TYPING = Rate(1, 1)
# Each may read a whole conversation anew.
RESUMES = Rate(20, 0.5)
STARTS = Rate(5, 1 / 20)
STARTS_OF_ADDRESS = Rate(30, 1)


class TokenBucket:
    """One sender's allowance."""

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, rate: Rate) -> None:
        self._burst = rate.burst * settings.SOCKET_RATE_FACTOR
        self._per_second = rate.per_second * settings.SOCKET_RATE_FACTOR
        self._tokens = self._burst
        self._at = time.monotonic()

    def take(self) -> float:
        """Take one; return 0.0, or the seconds to wait where none is left."""
        now = time.monotonic()
        tokens = self._tokens + (now - self._at) * self._per_second
        self._tokens = min(self._burst, tokens)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._per_second


_shared: dict[tuple[str, object], TokenBucket] = {}


def shared_bucket(kind: str, key: object, rate: Rate) -> TokenBucket:
    """The bucket of a visitor or address, the same for all its sockets in this process."""
    bucket = _shared.get((kind, key))
    if bucket is None:
        if len(_shared) >= _KEPT:
            # Made-up addresses must not grow the process; the longest known go first.
            for old in list(_shared)[: _KEPT // 2]:
                del _shared[old]
        bucket = _shared[kind, key] = TokenBucket(rate)
    return bucket


def forget() -> None:
    """Give everybody their full allowance again."""
    _shared.clear()

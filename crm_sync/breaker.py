"""The breaker of a connection: stops knocking at a CRM that does not answer. Pure arithmetic."""

import dataclasses
import datetime

OPENS_AFTER = 5
FIRST_PROBE_SECONDS = 60
LAST_PROBE_SECONDS = 30 * 60
DISABLED_AFTER = datetime.timedelta(days=5)


@dataclasses.dataclass(frozen=True, slots=True)
class Breaker:
    """Failures in a row since `failing_since`; nothing is tried before `open_until`."""

    failures: int = 0
    failing_since: datetime.datetime | None = None
    open_until: datetime.datetime | None = None
    probe_seconds: int = 0

    def is_open(self, now: datetime.datetime) -> bool:
        return self.open_until is not None and self.open_until > now

    def is_probing(self, now: datetime.datetime) -> bool:
        """Open, and time to let one through."""
        return self.open_until is not None and self.open_until <= now

    def after_failure(self, now: datetime.datetime) -> "Breaker":
        """The breaker after one more failure: it opens at the fifth, each probe waits twice."""
        failures = self.failures + 1
        since = self.failing_since or now
        if failures < OPENS_AFTER:
            return Breaker(failures, since)
        probe = min(self.probe_seconds * 2 or FIRST_PROBE_SECONDS, LAST_PROBE_SECONDS)
        return Breaker(failures, since, now + datetime.timedelta(seconds=probe), probe)

    def is_hopeless(self, now: datetime.datetime) -> bool:
        """Five days of nothing but failures."""
        return self.failing_since is not None and now - self.failing_since >= DISABLED_AFTER


CLOSED = Breaker()

"""When a failed delivery is tried again. Pure: the time and the chance are passed in."""

import datetime
from collections.abc import Callable

# Denser at first than the Standard Webhooks schedule: a lead that waits for an hour is cold.
_MINUTE, _HOUR = 60, 3600
STEPS_SECONDS = (
    0, 5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE,
    2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR,
)  # fmt: skip
GIVE_UP_AFTER = datetime.timedelta(hours=72)
_RETRY_AFTER_SECONDS = (1.0, 24 * 3600.0)


def delay_seconds(failures: int, chance: Callable[[], float]) -> float | None:
    """Seconds to wait after the `failures`-th counted failure (1 = the first); None: give up.

    Jitter around the step: between half and one and a half of it, so that what failed
    together does not come back together. `chance` gives a float in [0, 1).
    """
    if failures >= len(STEPS_SECONDS):
        return None
    step = STEPS_SECONDS[failures]
    return step * (0.5 + chance())


def retry_after_seconds(asked: float) -> float:
    """What a CRM asked for in seconds, between 1 s and 24 h."""
    least, most = _RETRY_AFTER_SECONDS
    return min(max(asked, least), most)

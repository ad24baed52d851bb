"""The days that a report covers, in the company's own calendar."""

import dataclasses
import datetime
from zoneinfo import ZoneInfo

from tenants.errors import Invalid

PRESETS = {
    "7": "7 days",
    "28": "4 weeks",
    "91": "13 weeks",
    "364": "52 weeks",
    "728": "2 years",
}
DEFAULT_PRESET = "28"
LONGEST_DAYS = 1100


@dataclasses.dataclass(frozen=True, slots=True)
class DateRange:
    """From the start of `first` to the end of `last`, local dates of `zone`."""

    first: datetime.date
    last: datetime.date
    zone: str

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def since(self) -> datetime.datetime:
        """The first moment, aware; a day of 23 or 25 hours counts whole."""
        return _midnight(self.first, self.zone)

    @property
    def until(self) -> datetime.datetime:
        """The first moment after, aware."""
        return _midnight(self.last + datetime.timedelta(days=1), self.zone)


def preset(days: str, *, zone: str, now: datetime.datetime) -> DateRange:
    """The last so many days up to today's in `zone`. Raises Invalid for one that is not offered."""
    if days not in PRESETS:
        raise Invalid("Choose one of the ranges that are offered.")
    today = now.astimezone(ZoneInfo(zone)).date()
    return DateRange(today - datetime.timedelta(days=int(days) - 1), today, zone)


def between(first: str, last: str, *, zone: str) -> DateRange:
    """From one ISO date to another, both included. Raises Invalid."""
    try:
        found = DateRange(
            datetime.date.fromisoformat(first), datetime.date.fromisoformat(last), zone
        )
    except ValueError:
        raise Invalid("Write both dates as year-month-day, like 2026-03-31.") from None
    if found.first > found.last:
        raise Invalid("The first date must not be after the last.")
    if found.days > LONGEST_DAYS:
        raise Invalid(f"Choose at most {LONGEST_DAYS} days.")
    if found.first.year < 2000 or found.last.year > 9000:
        raise Invalid("Choose dates from the year 2000 on.")
    return found


def _midnight(date: datetime.date, zone: str) -> datetime.datetime:
    return datetime.datetime.combine(date, datetime.time.min, ZoneInfo(zone))

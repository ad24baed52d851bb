"""When a company is open: pure functions of a schedule and a moment.

A schedule speaks in the wall-clock times of the company's IANA zone; every moment that goes in or
comes out is aware. Where a change of the clocks makes a wall-clock time happen twice or never, an
interval begins at the first moment whose clock shows its opening time or later, and ends when the
clock shows its closing time for the last time: nobody finds the door shut within the hours on it.
"""

import bisect
import dataclasses
import datetime
import functools
import itertools
import zoneinfo
from collections.abc import Iterable, Iterator
from typing import Literal

Phase = Literal["before", "during", "after", "closed_day"]

_DAY = datetime.timedelta(days=1)
_WEEK_MINUTES = 7 * 24 * 60
# A company that opens no more within this many days is shown without a next opening.
HORIZON_DAYS = 400


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Open on a weekday (Monday is 0). `closes` at or before `opens` means the next day."""

    weekday: int
    opens: datetime.time
    closes: datetime.time


@dataclasses.dataclass(frozen=True, slots=True)
class DayException:
    """A date on which the weekly hours do not hold. Both times None: closed all day."""

    date: datetime.date
    opens: datetime.time | None = None
    closes: datetime.time | None = None
    name: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """The hours of a company; `zone` is an IANA name.

    Without weekly intervals it is open around the clock, but for the exceptions.
    """

    zone: str
    weekly: tuple[Interval, ...] = ()
    exceptions: tuple[DayException, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """Open from `opens` until just before `closes`, both aware, in UTC."""

    opens: datetime.datetime
    closes: datetime.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Day:
    """A date's own hours as they are written on the door, and whether an exception rules it."""

    date: datetime.date
    hours: tuple[tuple[datetime.time, datetime.time], ...]
    is_exception: bool
    name: str


def is_open(schedule: Schedule, at: datetime.datetime) -> bool:
    """Whether the company is open at the aware moment `at`."""
    return _open_span(schedule, at) is not None


def phase(schedule: Schedule, at: datetime.datetime) -> Phase:
    """Where `at` falls in the company's day.

    During: open. Closed day: nothing opens on this date. Before: something still opens on it (a
    lunch break is before the afternoon). After: all of it is over.
    """
    if is_open(schedule, at):
        return "during"
    spans = _spans_of(schedule, _local_date(schedule, at))
    if not spans:
        return "closed_day"
    return "before" if any(span.opens > at for span in spans) else "after"


def next_opening(schedule: Schedule, at: datetime.datetime) -> datetime.datetime | None:
    """The first moment from `at` on at which it is open, in UTC: `at` itself while it is open.

    None where nothing opens within HORIZON_DAYS.
    """
    if is_open(schedule, at):
        return at.astimezone(datetime.UTC)
    for span in _spans_from(schedule, at):
        if span.opens > at:
            return span.opens
    return None


def next_closing(schedule: Schedule, at: datetime.datetime) -> datetime.datetime | None:
    """When the company, open at `at`, closes next, in UTC; intervals that touch count as one.

    None while it is closed, and where it does not close within HORIZON_DAYS.
    """
    if not is_open(schedule, at):
        return None
    closes = at
    for span in _spans_from(schedule, at):
        if span.opens > closes:
            return closes.astimezone(datetime.UTC)
        closes = max(closes, span.closes)
    return None


def days(schedule: Schedule, first: datetime.date, count: int) -> list[Day]:
    """The hours of `count` dates from `first` on, each with the intervals that begin on it."""
    by_date = _by_date(schedule.exceptions)
    dates = [first + _DAY * number for number in range(count)]
    return [
        Day(
            date=date,
            hours=_hours_of(schedule, date),
            is_exception=date in by_date,
            name=by_date[date][0].name if date in by_date else "",
        )
        for date in dates
    ]


def weekly_overlap(weekly: Iterable[Interval]) -> tuple[Interval, Interval] | None:
    """Two intervals of the week that share a minute, or None. Sunday night runs into Monday."""
    taken = sorted((_minutes(interval), interval) for interval in weekly)
    for ((_, end), earlier), ((start, _), later) in itertools.pairwise(taken):
        if start < end:
            return earlier, later
    if len(taken) > 1:
        ((start, _), first), ((_, end), last) = taken[0], taken[-1]
        if start + _WEEK_MINUTES < end:
            return last, first
    return None


def day_overlap(
    hours: Iterable[tuple[datetime.time, datetime.time]],
) -> tuple[tuple[datetime.time, datetime.time], tuple[datetime.time, datetime.time]] | None:
    """Two intervals of one date that share a minute, or None."""
    pair = weekly_overlap(Interval(0, opens, closes) for opens, closes in hours)
    if pair is None:
        return None
    return (pair[0].opens, pair[0].closes), (pair[1].opens, pair[1].closes)


def _minutes(interval: Interval) -> tuple[int, int]:
    start = interval.weekday * 1440 + interval.opens.hour * 60 + interval.opens.minute
    length = (
        interval.closes.hour * 60
        + interval.closes.minute
        - interval.opens.hour * 60
        - interval.opens.minute
    )
    return start, start + (length if length > 0 else length + 1440)


def _open_span(schedule: Schedule, at: datetime.datetime) -> Span | None:
    date = _local_date(schedule, at)
    # An interval that began yesterday may still run.
    for candidate in (date - _DAY, date):
        for span in _spans_of(schedule, candidate):
            if span.opens <= at < span.closes:
                return span
    return None


def _spans_from(schedule: Schedule, at: datetime.datetime) -> Iterator[Span]:
    date = _local_date(schedule, at) - _DAY
    for number in range(HORIZON_DAYS):
        yield from _spans_of(schedule, date + _DAY * number)


def _spans_of(schedule: Schedule, date: datetime.date) -> list[Span]:
    zone = zoneinfo.ZoneInfo(schedule.zone)
    spans = []
    for opens, closes in _hours_of(schedule, date):
        end_date = date if closes > opens else date + _DAY
        span = Span(
            _first_moment(datetime.datetime.combine(date, opens), zone),
            _last_moment(datetime.datetime.combine(end_date, closes), zone),
        )
        # Hours that the clocks leap over altogether do not happen.
        if span.opens < span.closes:
            spans.append(span)
    return spans


def _hours_of(
    schedule: Schedule, date: datetime.date
) -> tuple[tuple[datetime.time, datetime.time], ...]:
    exceptions = _by_date(schedule.exceptions).get(date)
    if exceptions is not None:
        return tuple(
            (row.opens, row.closes)
            for row in exceptions
            if row.opens is not None and row.closes is not None
        )
    if not schedule.weekly:
        return ((datetime.time.min, datetime.time.min),)
    return _by_weekday(schedule.weekly).get(date.weekday(), ())


@functools.lru_cache(maxsize=256)
def _by_date(
    exceptions: tuple[DayException, ...],
) -> dict[datetime.date, tuple[DayException, ...]]:
    rows: dict[datetime.date, tuple[DayException, ...]] = {}
    for row in sorted(exceptions, key=lambda row: (row.date, row.opens or datetime.time.min)):
        rows[row.date] = (*rows.get(row.date, ()), row)
    return rows


@functools.lru_cache(maxsize=256)
def _by_weekday(
    weekly: tuple[Interval, ...],
) -> dict[int, tuple[tuple[datetime.time, datetime.time], ...]]:
    rows: dict[int, tuple[tuple[datetime.time, datetime.time], ...]] = {}
    for row in sorted(weekly):
        rows[row.weekday] = (*rows.get(row.weekday, ()), (row.opens, row.closes))
    return rows


def _local_date(schedule: Schedule, at: datetime.datetime) -> datetime.date:
    return at.astimezone(zoneinfo.ZoneInfo(schedule.zone)).date()


def _first_moment(wall: datetime.datetime, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    first, last = _readings(wall, zone)
    return first if first <= last else _leap(wall, last, first, zone)


def _last_moment(wall: datetime.datetime, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    first, last = _readings(wall, zone)
    return last if first <= last else _leap(wall, last, first, zone)


def _readings(
    wall: datetime.datetime, zone: zoneinfo.ZoneInfo
) -> tuple[datetime.datetime, datetime.datetime]:
    """Both folds of a wall-clock time (PEP 495), in UTC; in a leap the first is the later."""
    return (
        wall.replace(tzinfo=zone, fold=0).astimezone(datetime.UTC),
        wall.replace(tzinfo=zone, fold=1).astimezone(datetime.UTC),
    )


def _leap(
    wall: datetime.datetime,
    low: datetime.datetime,
    high: datetime.datetime,
    zone: zoneinfo.ZoneInfo,
) -> datetime.datetime:
    """The moment between `low` and `high` (UTC) at which the clocks leap over `wall`."""
    second = datetime.timedelta(seconds=1)
    offset = bisect.bisect_left(
        range(int((high - low) / second) + 1),
        True,
        key=lambda n: (low + second * n).astimezone(zone).replace(tzinfo=None) >= wall,
    )
    return low + second * offset

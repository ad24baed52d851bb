"""The traffic report as pure values: a week of hours, totals, where closed hours are busy."""

import dataclasses
import datetime
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from chat import office_hours
from chat.office_hours import Phase, Schedule
from reports.rollups.traffic import Slot

PHASES: dict[Phase, str] = {
    "before": "Before hours",
    "during": "During hours",
    "after": "After hours",
    "closed_day": "Closed day",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = range(24)
STEPS = 5
_DAY = datetime.timedelta(days=1)
# A week in which no zone changes its clocks, to ask what the weekly hours say.
_PLAIN_MONDAY = datetime.date(2026, 2, 2)

Counts = dict[Phase, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One hour of one weekday. `step`: 0 for nothing, then 1 to 5 by size."""

    weekday: int
    hour: int
    counts: Counts
    shown: int
    step: int
    is_open: bool

    @property
    def closed_count(self) -> int:
        return sum(count for phase, count in self.counts.items() if phase != "during")


@dataclasses.dataclass(frozen=True, slots=True)
class Total:
    phase: Phase
    label: str
    count: int
    percent: int


@dataclasses.dataclass(frozen=True, slots=True)
class Week:
    """Everything the page shows of a range, in the company's zone."""

    rows: list[list[Cell]]
    totals: list[Total]
    total: int
    busiest_closed: Cell | None

    @property
    def by_hour(self) -> list[Counts]:
        """For each hour of the day its counts over all weekdays."""
        return [
            {phase: sum(row[hour].counts[phase] for row in self.rows) for phase in PHASES}
            for hour in HOURS
        ]


def week(slots: Iterable[Slot], *, schedule: Schedule, phase: Phase | None = None) -> Week:
    """The week of a range; `phase` limits what the cells show, not the totals."""
    counts: dict[tuple[int, int], Counts] = {
        (weekday, hour): dict.fromkeys(PHASES, 0) for weekday in range(7) for hour in HOURS
    }
    for slot in slots:
        counts[slot.weekday, slot.hour][named_phase(slot.phase)] += slot.count
    shown = {at: found[phase] if phase else sum(found.values()) for at, found in counts.items()}
    most = max(shown.values())
    is_open = open_hours(schedule)
    rows = [
        [
            Cell(
                weekday=weekday,
                hour=hour,
                counts=counts[weekday, hour],
                shown=shown[weekday, hour],
                step=step(shown[weekday, hour], most),
                is_open=(weekday, hour) in is_open,
            )
            for hour in HOURS
        ]
        for weekday in range(7)
    ]
    total = sum(sum(found.values()) for found in counts.values())
    closed = max((cell for row in rows for cell in row), key=lambda cell: cell.closed_count)
    return Week(
        rows=rows,
        totals=[
            Total(
                name, label, count := sum(c[name] for c in counts.values()), percent(count, total)
            )
            for name, label in PHASES.items()
        ],
        total=total,
        busiest_closed=closed if closed.closed_count else None,
    )


def step(count: int, most: int) -> int:
    """0 for nothing, else 1 to 5 by the share of the largest."""
    return 0 if count == 0 else 1 + (count * STEPS - 1) // most


def percent(count: int, total: int) -> int:
    return round(100 * count / total) if total else 0


def open_hours(schedule: Schedule) -> set[tuple[int, int]]:
    """The (weekday, hour) in which the weekly hours are open for a part at least."""
    weekly = dataclasses.replace(schedule, exceptions=())
    return {
        (weekday, hour)
        for weekday in range(7)
        for hour in HOURS
        if any(
            office_hours.is_open(
                weekly, _plain(weekday, datetime.time(hour, minute), schedule.zone)
            )
            for minute in (0, 15, 30, 45)
        )
    }


def _plain(weekday: int, time: datetime.time, zone: str) -> datetime.datetime:
    date = _PLAIN_MONDAY + _DAY * weekday
    return datetime.datetime.combine(date, time, ZoneInfo(zone))


def named_phase(stored: str) -> Phase:
    """The phase that a stored word names. Raises ValueError."""
    for phase in PHASES:
        if phase == stored:
            return phase
    raise ValueError(f"No such phase: {stored!r}")

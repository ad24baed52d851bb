"""The traffic report of the company whose site it is."""

import dataclasses
import datetime
from zoneinfo import ZoneInfo

from chat.office_hours import Phase, Schedule
from chat.queries import availability
from reports import traffic
from reports.models import Metric
from reports.ranges import DateRange
from reports.rollups import traffic as rollups
from tenants.resolution import CompanyRef


@dataclasses.dataclass(frozen=True, slots=True)
class HourLine:
    """One hour that really was: `start` is local, with its offset."""

    start: datetime.datetime
    phase: Phase
    count: int


def week(
    *, company: CompanyRef, metric: Metric, span: DateRange, phase: Phase | None = None
) -> traffic.Week:
    """The range's week of hours. Runs inside the company. Queries: 5."""
    schedule = _schedule(company)
    slots = rollups.by_hour_of_week(metric, since=span.since, until=span.until, schedule=schedule)
    return traffic.week(slots, schedule=schedule, phase=phase)


def hours(*, company: CompanyRef, metric: Metric, span: DateRange) -> list[HourLine]:
    """Every hour of the range in which something began, in order. Queries: as week()."""
    zone = ZoneInfo(span.zone)
    found = rollups.by_hour(
        metric,
        since=span.since,
        until=span.until,
        schedule=_schedule(company),
    )
    return [
        HourLine(line.start.astimezone(zone), traffic.named_phase(line.phase), line.count)
        for line in found
    ]


def _schedule(company: CompanyRef) -> Schedule:
    return availability.stored_schedule(company, since=datetime.date.min)

"""The traffic report of the company whose site it is."""

import dataclasses
import datetime
from zoneinfo import ZoneInfo

from chat.office_hours import Phase, Schedule
from chat.queries import availability
from reports import traffic
from reports.ranges import DateRange
from reports.rollups import traffic as rollups
from reports.rollups.traffic import Metric
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
    """The range's week of hours. Runs inside the company. Queries: 3."""
    schedule = _schedule(company, span)
    if metric is Metric.VISITS:
        slots = traffic.slots_by_hours_now(
            rollups.by_quarter_hour(
                metric,
                since=span.since,
                until=span.until,
                zone=span.zone,
                apart=traffic.dates_apart(schedule),
            ),
            schedule,
        )
    else:
        slots = rollups.by_hour_of_week(metric, since=span.since, until=span.until, zone=span.zone)
    return traffic.week(slots, schedule=schedule, phase=phase)


def hours(*, company: CompanyRef, metric: Metric, span: DateRange) -> list[HourLine]:
    """Every hour of the range in which something began, in order. Queries: 3.

    Visits are sorted by the hours as they are now, at the start of their hour.
    """
    schedule = _schedule(company, span)
    zone = ZoneInfo(span.zone)
    return [
        HourLine(
            start=line.start.astimezone(zone),
            phase=traffic.phase_of(line.phase, line.start, schedule),
            count=line.count,
        )
        for line in rollups.by_hour(metric, since=span.since, until=span.until, zone=span.zone)
    ]


def _schedule(company: CompanyRef, span: DateRange) -> Schedule:
    return availability.stored_schedule(company, since=span.first - datetime.timedelta(days=1))

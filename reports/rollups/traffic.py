"""What happened when: the only readers of other apps' tables, and the counts kept of them."""

import dataclasses
import datetime
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, models, transaction

from chat import office_hours
from chat.models import Conversation, Lead, Visit
from chat.office_hours import Schedule
from reports.models import HourlyTraffic, Metric, RollUp

# What is younger is counted anew each time: a transaction may still be about to commit.
SETTLED_AFTER = datetime.timedelta(hours=1)
# Counts are kept a day at a time, so that most rounds of the clock write nothing.
ROLLED_UP_BY = datetime.timedelta(days=1)
_EARLIEST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)

_SOURCES: dict[str, tuple[type[models.Model], str]] = {
    Metric.CHATS: (Conversation, "started_at"),
    Metric.VISITS: (Visit, "started_at"),
    Metric.LEADS: (Lead, "captured_at"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    """How much began in one local hour of one weekday (Monday is 0) and one phase."""

    weekday: int
    hour: int
    phase: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class HourCount:
    """How much began in one hour that really was: `start` is aware, in UTC."""

    start: datetime.datetime
    phase: str
    count: int


def by_hour_of_week(
    metric: Metric,
    *,
    since: datetime.datetime,
    until: datetime.datetime,
    schedule: Schedule,
) -> list[Slot]:
    """Counts of [since, until), both on the hour, by weekday and hour in the schedule's zone.

    Chats and leads have the phase they began in; visits that of the hours that held when they were
    counted. What is not rolled up yet is counted from the rows themselves; nothing is written and
    nothing waited for. Queries: 3.
    """
    rolled_up = _rolled_up(metric, schedule.zone)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(isodow FROM local)::int - 1, extract(hour FROM local)::int, phase,"
            " sum(count)::bigint FROM (SELECT start AT TIME ZONE %s AS local, phase, count"
            " FROM reports_hourlytraffic WHERE metric = %s AND start >= %s AND start < %s) hours"
            " GROUP BY 1, 2, 3",
            [schedule.zone, metric.value, since, min(until, rolled_up)],
        )
        slots = [Slot(*row) for row in cursor.fetchall()]
    zone = ZoneInfo(schedule.zone)
    for line in _count(metric, max(since, rolled_up), until, schedule):
        local = line.start.astimezone(zone)
        slots.append(Slot(local.weekday(), local.hour, line.phase, line.count))
    return slots


def by_hour(
    metric: Metric,
    *,
    since: datetime.datetime,
    until: datetime.datetime,
    schedule: Schedule,
) -> list[HourCount]:
    """Counts of [since, until), both on the hour, by each hour of the zone's clock, in order.

    Phases and queries as by_hour_of_week.
    """
    rolled_up = _rolled_up(metric, schedule.zone)
    kept = HourlyTraffic.objects.filter(
        metric=metric, start__gte=since, start__lt=min(until, rolled_up)
    ).order_by("start", "phase")
    return [
        *(HourCount(*row) for row in kept.values_list("start", "phase", "count")),
        *_count(metric, max(since, rolled_up), until, schedule),
    ]


def roll_up(metric: Metric, *, schedule: Schedule, now: datetime.datetime) -> None:
    """Keep the counts of what is settled at `now`; another zone counts everything anew.

    Queries: 1, and 4 more once a day.
    """
    settled = _hour(now - SETTLED_AFTER, schedule.zone)
    if settled - _rolled_up(metric, schedule.zone) < ROLLED_UP_BY:
        return
    with transaction.atomic():
        RollUp.objects.bulk_create([RollUp(metric=metric)], ignore_conflicts=True)
        # Whoever comes second finds it done.
        state = RollUp.objects.select_for_update().get(metric=metric)
        if state.zone != schedule.zone:
            HourlyTraffic.objects.filter(metric=metric).delete()
            state.zone, state.until = schedule.zone, None
        since = state.until or _EARLIEST
        if since < settled:
            HourlyTraffic.objects.bulk_create(
                (
                    HourlyTraffic(
                        metric=metric, start=line.start, phase=line.phase, count=line.count
                    )
                    for line in _count(metric, since, settled, schedule)
                ),
                batch_size=5000,
            )
            state.until = settled
        state.save()


def _rolled_up(metric: Metric, zone: str) -> datetime.datetime:
    """The moment up to which counts are kept by this zone's hours."""
    known = RollUp.objects.filter(metric=metric, zone=zone).first()
    return known.until if known and known.until else _EARLIEST


def _count(
    metric: Metric, since: datetime.datetime, until: datetime.datetime, schedule: Schedule
) -> list[HourCount]:
    """Counts of [since, until) from the rows themselves, in order. Queries: 0 or 1."""
    if since >= until:
        return []
    hours: Counter[tuple[datetime.datetime, str]] = Counter()
    for at, phase, count in _quarters(metric, since, until):
        start = _hour(at, schedule.zone)
        hours[start, phase or office_hours.phase(schedule, at)] += count
    return [HourCount(start, phase, count) for (start, phase), count in sorted(hours.items())]


def _quarters(metric: Metric, since: datetime.datetime, until: datetime.datetime) -> list[Any]:
    """By quarters of an hour: every zone's offset is a whole number of them, and hours may open
    and close within one hour."""
    model, at = _SOURCES[metric]
    phase = "''" if metric is Metric.VISITS else "phase"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT date_bin('15 minutes', {at}, 'epoch'::timestamptz), {phase}, count(*)"  # noqa: S608
            f" FROM {connection.ops.quote_name(model._meta.db_table)}"
            f" WHERE {at} >= %s AND {at} < %s GROUP BY 1, 2",
            [since, until],
        )
        return list(cursor.fetchall())


def _hour(at: datetime.datetime, zone: str) -> datetime.datetime:
    """The moment, in UTC, at which the hour on the zone's clock began."""
    local = at.astimezone(ZoneInfo(zone))
    return local.replace(minute=0, second=0, microsecond=0).astimezone(datetime.UTC)

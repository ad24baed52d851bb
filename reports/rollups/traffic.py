"""What happened when, counted by the database: chats, visits and leads of the company entered."""

import dataclasses
import datetime
import enum
from collections.abc import Collection
from typing import Any

from django.db import connection, models

from chat.models import Conversation, Lead, Visit


class Metric(enum.StrEnum):
    """What is counted."""

    CHATS = "chats"
    VISITS = "visits"
    LEADS = "leads"


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    """How much began in one local hour of one weekday (Monday is 0); `phase` as it was stored."""

    weekday: int
    hour: int
    phase: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class QuarterHour:
    """How much began in a local quarter of an hour: on `date` where that date was asked for by
    itself, else on all other dates of the weekday together."""

    date: datetime.date | None
    weekday: int
    time: datetime.time
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class HourCount:
    """How much began in one hour that really was: `start` is aware, in UTC."""

    start: datetime.datetime
    phase: str
    count: int


_SOURCES: dict[Metric, tuple[type[models.Model], str]] = {
    Metric.CHATS: (Conversation, "started_at"),
    Metric.VISITS: (Visit, "started_at"),
    Metric.LEADS: (Lead, "captured_at"),
}
# Counted by quarters of an hour first: every zone's offset is a multiple of one, so the costly
# change of zone is done for each quarter and not for each row.
_QUARTERS = (
    "SELECT date_bin('15 minutes', {at}, 'epoch'::timestamptz) AS at, {phase} AS phase,"
    " count(*) AS n FROM {table} WHERE {at} >= %(since)s AND {at} < %(until)s GROUP BY 1, 2"
)


def by_hour_of_week(
    metric: Metric, *, since: datetime.datetime, until: datetime.datetime, zone: str
) -> list[Slot]:
    """Counts of [since, until) by weekday, hour and phase in `zone`. Visits have no phase.

    Queries: 1.
    """
    sql = (
        "SELECT extract(isodow FROM local)::int - 1, extract(hour FROM local)::int, phase,"  # noqa: S608
        f" sum(n)::bigint FROM (SELECT at AT TIME ZONE %(zone)s AS local, phase, n"
        f" FROM ({_quarters(metric)}) q) l GROUP BY 1, 2, 3"
    )
    return [Slot(*row) for row in _rows(sql, since=since, until=until, zone=zone)]


def by_quarter_hour(
    metric: Metric,
    *,
    since: datetime.datetime,
    until: datetime.datetime,
    zone: str,
    apart: Collection[datetime.date],
) -> list[QuarterHour]:
    """Counts of [since, until) by weekday and quarter of an hour; the dates `apart` by themselves.

    Queries: 1.
    """
    sql = (
        "SELECT CASE WHEN local::date = ANY(%(apart)s::date[]) THEN local::date END,"  # noqa: S608
        " extract(isodow FROM local)::int - 1, local::time, sum(n)::bigint"
        f" FROM (SELECT at AT TIME ZONE %(zone)s AS local, n FROM ({_quarters(metric)}) q) l"
        " GROUP BY 1, 2, 3"
    )
    found = _rows(sql, since=since, until=until, zone=zone, apart=sorted(apart))
    return [QuarterHour(*row) for row in found]


def by_hour(
    metric: Metric, *, since: datetime.datetime, until: datetime.datetime, zone: str
) -> list[HourCount]:
    """Counts of [since, until) by each hour of the clock in `zone`, in the order of time.

    The hour that the clocks repeat is two hours here. Queries: 1.
    """
    sql = (
        "SELECT date_trunc('hour', at, %(zone)s), phase, sum(n)::bigint"  # noqa: S608
        f" FROM ({_quarters(metric)}) q GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [HourCount(*row) for row in _rows(sql, since=since, until=until, zone=zone)]


def _quarters(metric: Metric) -> str:
    model, at = _SOURCES[metric]
    table = connection.ops.quote_name(model._meta.db_table)
    phase = "''" if metric is Metric.VISITS else "phase"
    return _QUARTERS.format(table=table, at=at, phase=phase)


def _rows(sql: str, **params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())

"""Whether a company is open, from the hours it has stored."""

import datetime
import time
import uuid

from chat import office_hours
from chat.models import Conversation, HoursException, OpenInterval
from chat.office_hours import DayException, Interval, Schedule
from tenants.context import in_company
from tenants.resolution import CompanyRef

CACHE_SECONDS = 15.0
# Past exceptions rule no moment that is asked about, but the day before still reaches into today.
_PAST_KEPT = datetime.timedelta(days=2)

_schedules: dict[uuid.UUID, tuple[float, Schedule]] = {}


def schedule(company: CompanyRef) -> Schedule:
    """The company's hours from the day before yesterday on; cached 15 s a process. Queries: 0 or 2.

    May be called in any schema.
    """
    hit = _schedules.get(company.id)
    if hit is not None and hit[0] > time.monotonic() and hit[1].zone == company.time_zone:
        return hit[1]
    with in_company(company):
        hours = stored_schedule(company, since=_today() - _PAST_KEPT)
    _schedules[company.id] = (time.monotonic() + CACHE_SECONDS, hours)
    return hours


def stored_schedule(company: CompanyRef, *, since: datetime.date) -> Schedule:
    """The hours as they are stored now, with the exceptions on or after `since`. Queries: 2."""
    return Schedule(
        zone=company.time_zone,
        weekly=tuple(
            Interval(row.weekday, row.opens, row.closes) for row in OpenInterval.objects.all()
        ),
        exceptions=tuple(
            DayException(row.date, row.opens, row.closes, row.name)
            for row in HoursException.objects.filter(date__gte=since)
        ),
    )


def phase_now(company: CompanyRef, at: datetime.datetime | None = None) -> Conversation.Phase:
    """Where the aware moment `at` (None: now) falls in the company's day."""
    return Conversation.Phase(office_hours.phase(schedule(company), at or _now()))


def next_opening(
    company: CompanyRef, at: datetime.datetime | None = None
) -> datetime.datetime | None:
    """When the company opens next, in UTC: `at` itself while it is open, None if it never does."""
    return office_hours.next_opening(schedule(company), at or _now())


def forget(company_id: uuid.UUID | None = None) -> None:
    """Drop one company's hours from this process's cache, or all."""
    if company_id is None:
        _schedules.clear()
    else:
        _schedules.pop(company_id, None)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _today() -> datetime.date:
    return _now().date()

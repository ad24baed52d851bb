"""Changing when a company is open."""

import datetime
from collections.abc import Iterable, Sequence

from django.db import transaction

from chat import office_hours
from chat.models import HoursException, OpenInterval
from chat.office_hours import DayException, Interval
from chat.queries import availability
from tenants import audit
from tenants.actions import companies
from tenants.actor import Actor
from tenants.errors import Invalid
from tenants.models import Company, Verb
from tenants.resolution import CompanyRef

MOST_INTERVALS = 70
MOST_EXCEPTIONS = 400


class OverlappingHours(Invalid):
    code = "overlapping_hours"


def change(
    *,
    company: CompanyRef,
    zone: str,
    weekly: Sequence[Interval],
    exceptions: Sequence[DayException],
    actor: Actor,
    since: datetime.date,
) -> None:
    """Store the company's zone, its weekly intervals and its exceptions from `since` on.

    Earlier exceptions stay as they are. Conversations keep the phase they started in. Runs inside
    the company. Raises Invalid and OverlappingHours; then nothing has changed.
    """
    if len(weekly) > MOST_INTERVALS or len(exceptions) > MOST_EXCEPTIONS:
        raise Invalid("These are too many intervals. Join those that touch.")
    refuse_overlaps(weekly, exceptions)
    if any(row.date < since for row in exceptions):
        raise Invalid("A holiday or one-off day lies in the past. Remove it or change its date.")
    with transaction.atomic():
        # The company's row is the lock: of two people who save at once the later one wins whole.
        Company.objects.select_for_update(no_key=True).get(pk=company.id)
        OpenInterval.objects.all().delete()
        OpenInterval.objects.bulk_create(
            OpenInterval(weekday=row.weekday, opens=row.opens, closes=row.closes) for row in weekly
        )
        HoursException.objects.filter(date__gte=since).delete()
        HoursException.objects.bulk_create(
            HoursException(date=row.date, name=row.name, opens=row.opens, closes=row.closes)
            for row in exceptions
        )
        companies.change_time_zone(company=company, time_zone=zone, actor=actor)
        audit.record(
            company_id=company.id,
            actor=actor,
            verb=Verb.SETTING_CHANGED,
            target_kind="office_hours",
            target_id=company.id,
            zone=zone,
            intervals=len(weekly),
            exceptions=len(exceptions),
        )
    availability.forget(company.id)


def refuse_overlaps(weekly: Iterable[Interval], exceptions: Sequence[DayException]) -> None:
    """Raises OverlappingHours, naming the first two intervals that share a minute."""
    pair = office_hours.weekly_overlap(weekly)
    if pair is not None:
        raise OverlappingHours(
            f"{interval_words(pair[0])} and {interval_words(pair[1])} overlap. Change one of them."
        )
    by_date: dict[datetime.date, list[DayException]] = {}
    for row in exceptions:
        by_date.setdefault(row.date, []).append(row)
    for date, rows in by_date.items():
        hours = [(r.opens, r.closes) for r in rows if r.opens is not None and r.closes is not None]
        if len(hours) != len(rows) and len(rows) > 1:
            raise OverlappingHours(f"{date:%-d %B %Y} is both closed and open. Remove one of them.")
        if office_hours.day_overlap(hours) is not None:
            raise OverlappingHours(f"The hours of {date:%-d %B %Y} overlap. Change one of them.")


def interval_words(interval: Interval) -> str:
    """`Monday 22:00-06:00 (next day)`"""
    day = OpenInterval.Weekday(interval.weekday).label
    night = " (next day)" if interval.closes <= interval.opens else ""
    return f"{day} {interval.opens:%H:%M}-{interval.closes:%H:%M}{night}"

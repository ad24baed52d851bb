"""Chats, visits and leads at chosen moments, and what the reports count of them."""

import datetime
import uuid

from chat.models import Conversation, Lead, OpenInterval, Visit, Visitor
from reports import queries, ranges
from reports.models import Metric
from reports.traffic import Week
from tenants.context import in_company
from tenants.resolution import CompanyRef


def utc(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def chats(company: CompanyRef, *moments: str, phase: str = "during") -> None:
    """Ended chats that started at these moments (ISO, UTC)."""
    with in_company(company):
        visitor = Visitor.objects.create(secret_digest=uuid.uuid4().hex)
        Conversation.objects.bulk_create(
            Conversation(
                visitor=visitor,
                start_id=uuid.uuid4(),
                state="closed",
                phase=phase,
                started_at=utc(moment),
                closed_at=utc(moment),
            )
            for moment in moments
        )


def visits(company: CompanyRef, *moments: str) -> None:
    with in_company(company):
        visitor = Visitor.objects.create(secret_digest=uuid.uuid4().hex)
        for moment in moments:
            visit = Visit.objects.create(visitor=visitor, origin="https://www.acme.example")
            Visit.objects.filter(pk=visit.pk).update(started_at=utc(moment))


def leads(company: CompanyRef, *moments: str, phase: str = "during") -> None:
    with in_company(company):
        for moment in moments:
            Lead.objects.create(
                source=Lead.Source.OFFLINE_FORM,
                client_id=uuid.uuid4(),
                phase=phase,
                captured_at=utc(moment),
            )


def office_hours(company: CompanyRef, *, weekdays: range, opens: str, closes: str) -> None:
    with in_company(company):
        OpenInterval.objects.bulk_create(
            OpenInterval(
                weekday=weekday,
                opens=datetime.time.fromisoformat(opens),
                closes=datetime.time.fromisoformat(closes),
            )
            for weekday in weekdays
        )


def week(company: CompanyRef, first: str, last: str, metric: Metric = Metric.CHATS) -> Week:
    """The report of the days from `first` to `last` (ISO, the company's own)."""
    span = ranges.between(first, last, zone=company.time_zone)
    with in_company(company):
        return queries.week(company=company, metric=metric, span=span)


def counted(found: Week) -> dict[tuple[int, int], int]:
    """What a report shows, by weekday and hour, without the zeros."""
    return {
        (cell.weekday, cell.hour): cell.shown for row in found.rows for cell in row if cell.shown
    }

"""The figures of a company's front page."""

import dataclasses
import datetime
import zoneinfo

from django.db.models import Count, Q
from django.utils import timezone

from chat.models import Conversation, Lead
from tenants.resolution import CompanyRef

State = Conversation.State


@dataclasses.dataclass(frozen=True, slots=True)
class Overview:
    """Now, and since the day and six days before began in the company's zone."""

    waiting: int
    with_agents: int
    started_today: int
    started_this_week: int
    leads_this_week: int


def overview(company: CompanyRef, now: datetime.datetime | None = None) -> Overview:
    """Queries: 2."""
    zone = zoneinfo.ZoneInfo(company.time_zone)
    today = (now or timezone.now()).astimezone(zone).date()
    midnight = datetime.datetime.combine(today, datetime.time(), zone)
    week = datetime.datetime.combine(today - datetime.timedelta(days=6), datetime.time(), zone)
    counts = Conversation.objects.filter(
        Q(started_at__gte=week) | ~Q(state=State.CLOSED)
    ).aggregate(
        waiting=Count("pk", filter=Q(state=State.QUEUED)),
        with_agents=Count("pk", filter=Q(state=State.ASSIGNED)),
        started_today=Count("pk", filter=Q(started_at__gte=midnight)),
        started_this_week=Count("pk", filter=Q(started_at__gte=week)),
    )
    return Overview(**counts, leads_this_week=Lead.objects.filter(captured_at__gte=week).count())

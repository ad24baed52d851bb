"""The service at this moment, for its operators: open chats by company, and who answers."""

import dataclasses
import datetime
import uuid

from django.db import connection
from django.db.models import Count, F, Q, Sum

from routing.clock import ClockTimestamp
from routing.models import AgentProfile

# Each part reads what is live by a partial index; ended chats are never looked at.
_OPEN_CHATS = """
    SELECT company.id, company.name,
        count(*) FILTER (WHERE chat.waits), min(chat.enqueued_at) FILTER (WHERE chat.waits),
        count(*) FILTER (WHERE NOT chat.waits)
    FROM (
        SELECT company_id, true AS waits, enqueued_at
        FROM public.routing_queueentry WHERE state = 'waiting'
        UNION ALL
        SELECT e.company_id, true, e.enqueued_at
        FROM public.routing_offer o JOIN public.routing_queueentry e ON e.id = o.entry_id
        WHERE o.state = 'offered'
        UNION ALL
        SELECT e.company_id, false, e.enqueued_at
        FROM public.routing_assignment a JOIN public.routing_queueentry e ON e.id = a.entry_id
        WHERE a.ended_at IS NULL
    ) chat JOIN public.tenants_company company ON company.id = chat.company_id
    GROUP BY company.id ORDER BY 4 NULLS LAST, company.name, company.id
"""


@dataclasses.dataclass(frozen=True, slots=True)
class OpenChats:
    """A company's chats that wait or are with an agent; at least one."""

    company_id: uuid.UUID
    name: str
    waiting: int
    waiting_since: datetime.datetime | None
    with_agents: int


@dataclasses.dataclass(frozen=True, slots=True)
class AgentFigures:
    """`taken` are the chats that agents took on this UTC day."""

    all: int
    accepting: int
    taken: int


def open_chats() -> list[OpenChats]:
    """Of every company that has any, the longest wait first. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_CHATS)
        return [OpenChats(*row) for row in cursor.fetchall()]


def agent_figures() -> AgentFigures:
    """Queries: 1."""
    agents = AgentProfile.objects.annotate(now=ClockTimestamp())
    figures = agents.aggregate(
        all=Count("pk"),
        accepting=Count(
            "pk",
            filter=Q(status=AgentProfile.Status.AVAILABLE, lease_expires_at__gt=F("now")),
        ),
        taken=Sum("taken", filter=Q(counted_on=F("now__date")), default=0),
    )
    return AgentFigures(**figures)

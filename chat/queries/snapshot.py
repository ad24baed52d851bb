"""Conversations as they are now, for the first frames of a socket."""

import uuid
from collections.abc import Iterable, Sequence

from django.db.models import BigIntegerField, Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from chat.live.protocol.fields import Author, CompanyName, desk_key
from chat.live.protocol.server import ConversationState, VisitorContext
from chat.models import Conversation, Event, Visitor
from tenants.models import User
from tenants.resolution import CompanyRef


def visitor_name(visitor_id: uuid.UUID) -> str | None:
    """The visitor's name, '' where they gave none; None where there is no such visitor."""
    visitor = Visitor.objects.filter(pk=visitor_id).first()
    return None if visitor is None else visitor.name


def open_of_visitor(visitor_id: uuid.UUID) -> uuid.UUID | None:
    """The visitor's open conversation. Queries: 1."""
    return (
        Conversation.objects.filter(visitor_id=visitor_id)
        .exclude(state=Conversation.State.CLOSED)
        .values_list("pk", flat=True)
        .first()
    )


def for_visitor(visitor_id: uuid.UUID, conversation_id: uuid.UUID) -> ConversationState | None:
    """One of the visitor's own conversations in their numbering, else None. Queries: 1 to 3."""
    row = Conversation.objects.filter(pk=conversation_id, visitor_id=visitor_id).first()
    if row is None:
        return None
    agent = _agents([row]).get(row.agent_id) if row.agent_id else None
    return ConversationState(
        conversation=str(row.pk),
        state=row.state,  # type: ignore[arg-type]
        last_seq=row.last_visitor_seq,
        started_at=row.started_at,
        agent=Author(kind="agent", name=agent.shown_name) if agent else None,
        visitor_seen=row.visitor_seen_seq,
        desk_seen=_in_visitor_numbers(row),
    )


def for_desk(
    company: CompanyRef, conversation_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, ConversationState]:
    """Conversations in the desk's numbering. Queries: 3, whatever their number.

    In health-care mode nothing of the page is told.
    """
    rows = list(
        Conversation.objects.filter(pk__in=list(conversation_ids))
        .select_related("visitor", "visit")
        .annotate(visitor_seen=Coalesce(Subquery(_visitor_seen, BigIntegerField()), 0))
    )
    agents = _agents(rows)
    past = dict(
        Visitor.objects.filter(pk__in=[row.visitor_id for row in rows])
        .annotate(closed=Count("conversations", filter=Q(conversations__state="closed")))
        .values_list("pk", "closed")
    )
    return {
        row.pk: _desk_state(company, row, agents.get(row.agent_id), past.get(row.visitor_id, 0))
        for row in rows
    }


def _desk_state(
    company: CompanyRef, row: Conversation, agent: User | None, past: int
) -> ConversationState:
    visit = None if company.health_care_mode else row.visit
    return ConversationState(
        conversation=desk_key(company.slug, row.pk),
        state=row.state,  # type: ignore[arg-type]
        last_seq=row.last_seq,
        started_at=row.started_at,
        agent=Author(kind="agent", name=agent.shown_name, id=agent.pk) if agent else None,
        visitor_seen=row.visitor_seen,  # type: ignore[attr-defined]
        desk_seen=row.desk_seen_seq,
        company=CompanyName(slug=company.slug, name=company.name),
        visitor=VisitorContext(
            name=row.visitor.name,
            email=row.visitor.email,
            phone=row.visitor.phone,
            page_url=visit.page_url if visit else "",
            page_title=visit.page_title if visit else "",
            referrer=visit.referrer if visit else "",
            past_conversations=past,
        ),
    )


def _agents(rows: Sequence[Conversation]) -> dict[uuid.UUID | None, User]:
    ids = {row.agent_id for row in rows if row.agent_id}
    return {user.pk: user for user in User.objects.filter(pk__in=ids)} if ids else {}


def _in_visitor_numbers(row: Conversation) -> int:
    """How far the desk has read, as the visitor counts."""
    return (
        row.events.filter(seq__lte=row.desk_seen_seq, visitor_seq__isnull=False)
        .order_by("-seq")
        .values_list("visitor_seq", flat=True)
        .first()
        or 0
    )


# How far the visitor has read, as the desk counts.
_visitor_seen = Event.objects.filter(
    conversation=OuterRef("pk"), visitor_seq=OuterRef("visitor_seen_seq")
).values("seq")[:1]

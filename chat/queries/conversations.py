"""Lists of conversations and whole transcripts, for the company's own pages."""

import dataclasses
import datetime
import uuid

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from chat.models import Conversation, Event
from chat.queries.visitors import shown_name
from tenants.errors import NotFound
from tenants.queries.people import names_of
from tenants.resolution import CompanyRef

PER_PAGE = 30

# A sub-query, so that counting the pages counts no events.
_messages = Coalesce(
    Subquery(
        Event.objects.filter(conversation=OuterRef("pk"), kind=Event.Kind.MESSAGE)
        .order_by()
        .values("conversation")
        .annotate(number=Count("pk"))
        .values("number")
    ),
    0,
)


@dataclasses.dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Empty means all. `until` is not included."""

    state: str = ""
    phase: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ConversationLine:
    """A line of the list. `visitor`: their name, or their short id in health-care mode."""

    id: uuid.UUID
    visitor: str
    agent: str
    state: str
    state_label: str
    phase_label: str
    disposition: str
    started_at: datetime.datetime
    messages: int
    has_lead: bool


def page(
    company: CompanyRef, wanted: ConversationFilter, number: str | None
) -> Page[ConversationLine]:
    """One page of the company's conversations, newest first. Queries: 2 or 3."""
    rows = Conversation.objects.order_by("-started_at")
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.phase:
        rows = rows.filter(phase=wanted.phase)
    if wanted.since:
        rows = rows.filter(started_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(started_at__lt=wanted.until)
    listed = rows.select_related("visitor", "lead").annotate(messages=_messages)
    found = Paginator(listed, PER_PAGE).get_page(number)
    names = names_of({row.agent_id for row in found if row.agent_id})
    lines = [_line(company, row, names) for row in found]
    return Page(lines, found.number, found.paginator)  # type: ignore[arg-type]


def one(company: CompanyRef, conversation_id: uuid.UUID) -> ConversationLine:
    """One conversation's line. Raises NotFound. Queries: 1 or 2."""
    row = (
        Conversation.objects.select_related("visitor", "lead")
        .annotate(messages=_messages)
        .filter(pk=conversation_id)
        .first()
    )
    if row is None:
        raise NotFound
    return _line(company, row, names_of({row.agent_id} if row.agent_id else set()))


def _line(company: CompanyRef, row: Conversation, names: dict[uuid.UUID, str]) -> ConversationLine:
    # A list is not a read of a record, so it names nobody where health records are at stake.
    shown = "" if company.health_care_mode else row.visitor.name
    return ConversationLine(
        id=row.pk,
        visitor=shown_name(shown, row.visitor_id),
        agent=names.get(row.agent_id, "") if row.agent_id else "",
        state=row.state,
        state_label=row.get_state_display(),
        phase_label=row.get_phase_display(),
        disposition=row.get_disposition_display() if row.disposition else "",
        started_at=row.started_at,
        messages=row.messages,  # type: ignore[attr-defined]
        has_lead=hasattr(row, "lead"),
    )

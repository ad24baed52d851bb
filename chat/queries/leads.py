"""Reading leads: payloads as frozen, and lists for pages."""

import dataclasses
import datetime
import uuid

from django.db.models import F

from chat.lead_payload import LeadPayload, decode
from chat.models import Lead, LeadRevision
from tenants.errors import NotFound


@dataclasses.dataclass(frozen=True, slots=True)
class LeadSummary:
    """A line of a list. `agent_id`: the person who captured it, None for an offline form."""

    id: uuid.UUID
    revision: int
    captured_at: datetime.datetime
    source: str
    phase: str
    conversation_id: uuid.UUID | None
    agent_id: uuid.UUID | None
    name: str
    email: str
    phone: str
    interest: str


def payload(lead_id: uuid.UUID, revision: int) -> LeadPayload:
    """The payload as frozen at a revision. Raises NotFound. Queries: 1."""
    row = LeadRevision.objects.filter(lead_id=lead_id, number=revision).first()
    if row is None:
        raise NotFound
    return decode(row.payload)


def latest_revision(lead_id: uuid.UUID) -> int:
    """The number of the newest revision. Raises NotFound. Queries: 1."""
    number = Lead.objects.filter(pk=lead_id).values_list("revision", flat=True).first()
    if number is None:
        raise NotFound
    return number


def captured_at(lead_id: uuid.UUID) -> datetime.datetime | None:
    """When the lead was first captured, aware; None for no such lead. Queries: 1."""
    return Lead.objects.filter(pk=lead_id).values_list("captured_at", flat=True).first()


def of_conversation(conversation_id: uuid.UUID) -> LeadPayload | None:
    """The newest payload of a conversation's lead, None where it has none. Queries: 1."""
    row = (
        LeadRevision.objects.filter(lead__conversation_id=conversation_id)
        .order_by("-number")
        .first()
    )
    return decode(row.payload) if row else None


def recent(*, limit: int = 50, before: datetime.datetime | None = None) -> list[LeadSummary]:
    """The newest leads first, `before` (aware) pages on. Queries: 2."""
    leads = Lead.objects.order_by("-captured_at")
    if before is not None:
        leads = leads.filter(captured_at__lt=before)
    kept = list(leads[:limit])
    revisions = LeadRevision.objects.filter(lead__in=kept, number=F("lead__revision"))
    payloads = {row.lead_id: decode(row.payload) for row in revisions}
    return [_summary(lead, payloads[lead.pk]) for lead in kept]


def _summary(lead: Lead, payload: LeadPayload) -> LeadSummary:
    return LeadSummary(
        id=lead.pk,
        revision=lead.revision,
        captured_at=lead.captured_at,
        source=lead.source,
        phase=lead.phase,
        conversation_id=lead.conversation_id,
        agent_id=lead.captured_by_id,
        name=payload.contact.name,
        email=payload.contact.email,
        phone=payload.contact.phone,
        interest=payload.interest,
    )

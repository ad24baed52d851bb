"""What the desk shows of one conversation: its thread, its visitor, its lead."""

import dataclasses
import datetime
import uuid
from zoneinfo import ZoneInfo

from django.utils import timezone

from chat import lead_fields, origins
from chat.lead_payload import LeadPayload
from chat.models import CannedReply, Conversation, Event
from chat.queries import leads
from chat.queries.desk_companies import DeskCompany
from chat.queries.event_bodies import StoredEvent, readable
from chat.queries.visitors import shown_name
from tenants.context import in_company
from tenants.errors import NotFound
from tenants.models import User
from tenants.queries.people import names_of
from tenants.resolution import CompanyRef

# A longer thread is read on the company's own pages.
EVENTS_SHOWN = 500
PAST_SHOWN = 5
PAST_COUNTED = 50
# Bubbles of one author within this time stand together under one name.
GROUPED_WITHIN = datetime.timedelta(minutes=5)


@dataclasses.dataclass(frozen=True, slots=True)
class ThreadEvent:
    """One line of a thread. `side`: own (the desk's) or other (the visitor's)."""

    seq: int
    at: datetime.datetime
    text: str
    is_message: bool = False
    note: bool = False
    side: str = "other"
    author_key: str = ""
    author_name: str = ""
    client_id: uuid.UUID | None = None
    continues: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class DeskThread:
    """An open conversation. `may_write` is the agent's whom it is with; others look."""

    company: CompanyRef
    id: uuid.UUID
    state: str
    may_write: bool
    agent_name: str
    visitor_name: str
    started_at: datetime.datetime
    last_seq: int
    visitor_seen: int
    events: list[ThreadEvent]

    @property
    def key(self) -> str:
        return f"{self.company.slug}/{self.id}"


@dataclasses.dataclass(frozen=True, slots=True)
class VisitorShown:
    """What is known of a visitor."""

    shown_name: str
    email: str
    phone: str
    first_seen_at: datetime.datetime
    website: str
    page_url: str
    page_title: str
    page_href: str
    referrer_host: str
    company_time: datetime.datetime
    phase: str
    past: list[Conversation]
    past_count: str


@dataclasses.dataclass(frozen=True, slots=True)
class LeadFormField:
    """A field of the lead form with the value it shows."""

    key: str
    label: str
    kind: str
    max_length: int
    choices: tuple[str, ...]
    value: str


@dataclasses.dataclass(frozen=True, slots=True)
class LeadForm:
    """`version` is the revision shown, 0 where no lead was saved yet."""

    version: int
    fields: list[LeadFormField]


@dataclasses.dataclass(frozen=True, slots=True)
class OpenConversation:
    """All that the open pane of the desk shows."""

    thread: DeskThread
    visitor: VisitorShown
    lead: LeadForm
    replies: list[dict[str, str]]


def open_conversation(
    *, user: User, company: DeskCompany, conversation_id: uuid.UUID
) -> OpenConversation:
    """A conversation of the agent, open or ended by them, or one that a supervisor may watch.

    Raises NotFound for every other, as for one that does not exist. Queries: 5, and 1 for the
    agent's name where somebody else's is watched; none an event. Reading is the caller's to audit.
    """
    with in_company(company.ref):
        conversation = _accessible(user, company, conversation_id)
        events = readable(conversation.events.order_by("-seq")[:EVENTS_SHOWN])[::-1]
        past = list(
            Conversation.objects.filter(visitor=conversation.visitor)
            .exclude(pk=conversation.pk)
            .order_by("-started_at")[: PAST_COUNTED + 1]
        )
        payload = leads.of_conversation(conversation.pk)
        replies = _replies()
    is_own = conversation.agent_id == user.pk
    agent_id = conversation.agent_id
    names = names_of({agent_id} if agent_id and not is_own else set())
    return OpenConversation(
        thread=DeskThread(
            company=company.ref,
            id=conversation.pk,
            state=conversation.state,
            may_write=is_own and conversation.state != Conversation.State.QUEUED,
            agent_name=next(iter(names.values()), ""),
            visitor_name=shown_name(conversation.visitor.name, conversation.visitor_id),
            started_at=conversation.started_at,
            last_seq=conversation.last_seq,
            visitor_seen=conversation.visitor_seen_seq,
            events=thread_events(events),
        ),
        visitor=_visitor(company.ref, conversation, past),
        lead=_lead_form(company.ref, conversation, payload),
        replies=replies if is_own else [],
    )


def _replies() -> list[dict[str, str]]:
    return [
        {"shortcut": reply.shortcut, "title": reply.title, "body": reply.body}
        for reply in CannedReply.objects.all()
    ]


def _accessible(user: User, company: DeskCompany, conversation_id: uuid.UUID) -> Conversation:
    conversation = (
        Conversation.objects.select_related("visitor", "visit").filter(pk=conversation_id).first()
    )
    if conversation is None:
        raise NotFound
    is_open = conversation.state != Conversation.State.CLOSED
    if not (conversation.agent_id == user.pk or (company.supervises and is_open)):
        raise NotFound
    return conversation


def thread_events(events: list[StoredEvent]) -> list[ThreadEvent]:
    """Stored events as lines of a thread. Queries: 0."""
    lines: list[ThreadEvent] = []
    for event in events:
        author = event.body.get("author") or {}
        if event.kind not in (Event.Kind.MESSAGE, Event.Kind.NOTE):
            lines.append(ThreadEvent(seq=event.seq, at=event.at, text=_what_happened(event)))
            continue
        note = event.kind == Event.Kind.NOTE
        author_key = f"{event.author_kind}:{author.get('id') or ''}:{note}"
        previous = lines[-1] if lines else None
        lines.append(
            ThreadEvent(
                seq=event.seq,
                at=event.at,
                text=event.body.get("text", ""),
                is_message=True,
                note=note,
                side="other" if event.author_kind == Event.AuthorKind.VISITOR else "own",
                author_key=author_key,
                author_name=author.get("name") or event.author_kind.capitalize(),
                client_id=event.client_id,
                continues=previous is not None
                and previous.author_key == author_key
                and event.at - previous.at < GROUPED_WITHIN,
            )
        )
    return lines


def _what_happened(event: StoredEvent) -> str:
    body = event.body
    who = (body.get("author") or {}).get("name") or ""
    if event.kind == Event.Kind.LEAD_CHANGED:
        return f"{who or 'Somebody'} saved the lead"
    if event.kind == Event.Kind.RATED:
        return "The visitor rated this chat"
    agent = (body.get("agent") or {}).get("name") or "An agent"
    if body.get("change") == "closed":
        ended_by = "The visitor" if event.author_kind == Event.AuthorKind.VISITOR else who
        return f"{ended_by} ended the chat" if ended_by else "The chat ended"
    return {
        "started": "Chat started",
        "assigned": f"{agent} joined",
        "requeued": "Back in the queue",
    }.get(body.get("change", ""), "Changed")


def _visitor(
    company: CompanyRef, conversation: Conversation, past: list[Conversation]
) -> VisitorShown:
    visitor, visit = conversation.visitor, conversation.visit
    # Where health care is protected the page alone can tell what somebody suffers from.
    shows_page = visit is not None and not company.health_care_mode
    page_url = visit.page_url if visit and shows_page else ""
    referrer = visit.referrer if visit and shows_page else ""
    return VisitorShown(
        shown_name=shown_name(visitor.name, visitor.pk),
        email=visitor.email,
        phone=visitor.phone,
        first_seen_at=visitor.first_seen_at,
        website=(_host(visit.origin) if visit else "") or "unknown",
        page_url=page_url,
        page_title=visit.page_title if visit and shows_page else "",
        page_href=origins.page_address(page_url),
        referrer_host=_host(referrer),
        company_time=timezone.now().astimezone(ZoneInfo(company.time_zone)),
        phase=Conversation.Phase(conversation.phase).label,
        past=past[:PAST_SHOWN],
        past_count=f"{PAST_COUNTED}+" if len(past) > PAST_COUNTED else str(len(past)),
    )


def _host(address: str) -> str:
    parts = origins.web_address(address)
    return parts.netloc if parts else ""


def _lead_form(
    company: CompanyRef, conversation: Conversation, payload: LeadPayload | None
) -> LeadForm:
    values = _lead_values(payload) if payload else _known(conversation)
    return LeadForm(
        version=payload.revision if payload else 0,
        fields=[
            LeadFormField(
                key=field.key,
                label=field.label,
                kind=field.kind,
                max_length=field.max_length,
                choices=field.choices,
                value=values.get(field.key, ""),
            )
            for field in lead_fields.fields_for(company.vertical)
        ],
    )


def _known(conversation: Conversation) -> dict[str, str]:
    visitor = conversation.visitor
    return {"name": visitor.name, "email": visitor.email, "phone": visitor.phone}


def _lead_values(payload: LeadPayload) -> dict[str, str]:
    values = {
        "name": payload.contact.name,
        "email": payload.contact.email,
        "phone": payload.contact.phone,
        "preferred_contact": payload.contact.preferred,
        "interest": payload.interest,
        "timeframe": payload.timeframe,
        "notes": payload.notes,
        "consent_marketing": "yes" if payload.consent.marketing else "",
    }
    if payload.vehicle:
        values |= {"vehicle_interest": payload.vehicle.interest}
        values |= {"vehicle_status": payload.vehicle.status}
    for prefix, vehicle in (("vehicle", payload.vehicle), ("trade_in", payload.trade_in)):
        if vehicle:
            for name in ("year", "make", "model", "trim", "vin", "stock"):
                values[f"{prefix}_{name}"] = getattr(vehicle, name)
    return values

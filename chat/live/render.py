"""From stored events to frames, one for each side, encoded once however many read it; and from what
routing knows to the frames that show it."""

import uuid
from typing import Any, cast

from chat.live.protocol.fields import Author, CompanyName, desk_key
from chat.live.protocol.frame import ServerFrame, encode
from chat.live.protocol.server import AgentStatus, ConversationChanged, LeadChanged, Message, Offer
from chat.queries.event_bodies import StoredEvent
from routing import interface as routing
from tenants.resolution import CompanyRef


class EventFrames:
    """A committed event on its way to the sockets of this process."""

    __slots__ = ("_company_slug", "_desk", "_visitor", "event", "sender")

    def __init__(self, company_slug: str, event: StoredEvent, sender: object = None) -> None:
        self._company_slug = company_slug
        self.event = event
        # The socket that sent it: its ack stands for the event.
        self.sender = sender
        self._visitor: str | None = None
        self._desk: str | None = None

    @property
    def for_visitor(self) -> str:
        if self._visitor is None:
            self._visitor = encode(visitor_frame(self.event))
        return self._visitor

    @property
    def for_desk(self) -> str:
        if self._desk is None:
            self._desk = encode(desk_frame(self._company_slug, self.event))
        return self._desk


def offer_frame(company: CompanyRef, decision: routing.OfferDecision) -> Offer:
    """An offer of the company's as the desk sees it."""
    return Offer(
        offer=decision.offer_id,
        conversation=desk_key(company.slug, decision.conversation_id),
        company=CompanyName(slug=company.slug, name=company.name),
        expires_at=decision.expires_at,
        skills=list(decision.skills),
        why=decision.why,
    )


def agent_status(state: routing.AgentState) -> AgentStatus:
    """An agent's status and load as their desk shows it."""
    return AgentStatus(
        status=state.status,
        since=state.since,
        load=state.load,
        capacity=state.capacity,
        reason=state.reason,
    )


def visitor_frame(event: StoredEvent) -> ServerFrame:
    """The event as the visitor may see it: their numbering, no agent's id, no disposition."""
    if event.visitor_seq is None:
        raise ValueError("This event is hidden from the visitor.")
    return _frame(event, str(event.conversation_id), event.visitor_seq, for_visitor=True)


def desk_frame(company_slug: str, event: StoredEvent) -> ServerFrame:
    """The event as the desk sees it."""
    key = desk_key(company_slug, event.conversation_id)
    return _frame(event, key, event.seq, for_visitor=False)


def _frame(event: StoredEvent, key: str, seq: int, *, for_visitor: bool) -> ServerFrame:
    body = event.body
    author = cast("Author", _author(body["author"], for_visitor=for_visitor))
    if event.kind in ("message", "note"):
        return Message(
            conversation=key,
            seq=seq,
            author=author,
            text=body["text"],
            at=event.at,
            id=event.client_id,
            note=event.kind == "note",
        )
    if event.kind == "lead.changed":
        return LeadChanged(
            conversation=key,
            seq=seq,
            author=author,
            at=event.at,
            lead=uuid.UUID(body["lead"]),
            version=body["revision"],
        )
    return ConversationChanged(
        conversation=key,
        seq=seq,
        change=body["change"],
        state=body["state"],
        author=author,
        at=event.at,
        agent=_author(body.get("agent"), for_visitor=for_visitor),
        disposition=None if for_visitor else body.get("disposition") or None,
    )


def _author(body: dict[str, Any] | None, *, for_visitor: bool) -> Author | None:
    if body is None:
        return None
    hidden = for_visitor or not body.get("id")
    return Author(
        kind=body["kind"],
        name=body.get("name", ""),
        id=None if hidden else uuid.UUID(body["id"]),
    )

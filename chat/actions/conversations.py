"""The life of a conversation: started, assigned, perhaps requeued, closed."""

import dataclasses
import datetime
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from chat.actions import agent_desks, events, starting, visitors, waker
from chat.errors import AlreadyOpen, ConversationClosed, Unavailable
from chat.live import broadcast
from chat.live.message_rows import encode_body
from chat.live.protocol.server import OfferWithdrawn
from chat.live.protocol.visitor import StartFields
from chat.models import Conversation, Event, Visitor
from chat.queries import availability
from routing import interface as routing
from tenants import audit
from tenants.actor import SYSTEM, Actor
from tenants.context import in_company
from tenants.errors import Conflict, NotFound
from tenants.models import User, Verb
from tenants.resolution import CompanyRef

State = Conversation.State


@dataclasses.dataclass(frozen=True, slots=True)
class Started:
    """`seq`: of its last event, in both numberings; `is_new` False where it had been started."""

    conversation_id: uuid.UUID
    seq: int
    is_new: bool


def start(
    *,
    company: CompanyRef,
    visitor_id: uuid.UUID,
    start_id: uuid.UUID,
    fields: StartFields,
    text: str | None,
    visit_id: uuid.UUID | None,
    now: datetime.datetime | None = None,
) -> Started:
    """Open a conversation and queue it for an agent, in one transaction.

    The same `start_id` again changes nothing and gives the first answer. Raises NotFound (no such
    visitor), AlreadyOpen, Unavailable and FieldsInvalid.
    """
    at = now or timezone.now()
    with in_company(company):
        phase = availability.phase_now(company, at)
        with transaction.atomic():
            known = starting.look_up(visitor_id, start_id)
            if known is None:
                raise NotFound
            if known.has_open or known.same_start:
                return _as_started(known, start_id)
            name = visitors.introduce(company=company, visitor_id=visitor_id, fields=fields)
            author = _visitor(visitor_id, name or known.name)
            first_events = _first_events(author, start_id, text)
            conversation_id = uuid.uuid4()
            is_first = starting.store(
                conversation_id=conversation_id,
                visitor_id=visitor_id,
                visit_id=visit_id,
                start_id=start_id,
                phase=phase,
                at=at,
                events=first_events,
            )
            if not is_first:
                return _as_started(starting.look_up(visitor_id, start_id), start_id)
            routing.enqueue(
                company_id=company.id,
                conversation_id=conversation_id,
                requires_clearance=company.health_care_mode,
                last_agent_id=known.last_agent_id,
            )
            audit.record(
                company_id=company.id,
                actor=Actor.visitor(visitor_id),
                verb=Verb.CONVERSATION_STARTED,
                target_kind="conversation",
                target_id=conversation_id,
                phase=phase.value,
            )
            transaction.on_commit(waker.wake)
    return Started(conversation_id, len(first_events), is_new=True)


def assign(
    *, company: CompanyRef, conversation_id: uuid.UUID, agent: User, actor: Actor
) -> events.AppendedEvent:
    """Give a waiting conversation to an agent. Raises Conflict where it no longer waits."""
    with in_company(company), transaction.atomic():
        moved = Conversation.objects.filter(pk=conversation_id, state=State.QUEUED).update(
            state=State.ASSIGNED, agent=agent, assigned_at=timezone.now()
        )
        if not moved:
            raise Conflict("This chat no longer waits.")
        event = _append_change(
            conversation_id,
            change="assigned",
            state=State.ASSIGNED,
            author=_agent(agent),
            agent=_agent(agent),
        )
        user_id = agent.pk
        transaction.on_commit(
            lambda: broadcast.assigned_to_agent(
                user_id, company_id=company.id, conversation_id=conversation_id
            )
        )
        audit.record(
            company_id=company.id,
            actor=actor,
            verb=Verb.CONVERSATION_ASSIGNED,
            target_kind="conversation",
            target_id=conversation_id,
            agent=str(agent.pk),
        )
    return event


def requeue(*, company: CompanyRef, conversation_id: uuid.UUID, actor: Actor = SYSTEM) -> None:
    """Take a conversation from its agent; it waits again. The caller has requeued it in routing.

    Raises Conflict where it is not with an agent.
    """
    with in_company(company), transaction.atomic():
        moved = Conversation.objects.filter(pk=conversation_id, state=State.ASSIGNED).update(
            state=State.QUEUED, agent=None, assigned_at=None
        )
        if not moved:
            raise Conflict("This chat is not with an agent.")
        _append_change(
            conversation_id, change="requeued", state=State.QUEUED, author=_SYSTEM_AUTHOR
        )
        audit.record(
            company_id=company.id,
            actor=actor,
            verb=Verb.CONVERSATION_ASSIGNED,
            target_kind="conversation",
            target_id=conversation_id,
            agent=None,
        )


def close(
    *,
    company: CompanyRef,
    conversation_id: uuid.UUID,
    actor: Actor,
    agent: User | None = None,
    disposition: str = "",
    client_id: uuid.UUID | None = None,
) -> None:
    """End a conversation and free its agent. With `agent` it must be that agent's own.

    The same `client_id` again changes nothing. Raises NotFound, ConversationClosed and Conflict
    (another frame of the agent had the id).
    """
    conversations = Conversation.objects.filter(pk=conversation_id)
    if agent is not None:
        conversations = conversations.filter(agent=agent)
    with in_company(company), transaction.atomic():
        moved = conversations.exclude(state=State.CLOSED).update(
            state=State.CLOSED, closed_at=timezone.now(), disposition=disposition
        )
        if not moved:
            _explain_refusal(conversations.exists(), conversation_id, client_id)
            return
        _finish(
            company,
            conversation_id,
            author=_agent(agent) if agent else _SYSTEM_AUTHOR,
            actor=actor,
            disposition=disposition,
            client_id=client_id,
        )


def end_by_visitor(
    *,
    company: CompanyRef,
    conversation_id: uuid.UUID,
    visitor_id: uuid.UUID,
    client_id: uuid.UUID | None = None,
) -> None:
    """Have the visitor end their own conversation.

    The same `client_id` again changes nothing. Raises NotFound, ConversationClosed and Conflict
    (another frame of the visitor had the id).
    """
    conversations = Conversation.objects.filter(pk=conversation_id, visitor_id=visitor_id)
    with in_company(company), transaction.atomic():
        moved = conversations.exclude(state=State.CLOSED).update(
            state=State.CLOSED, closed_at=timezone.now()
        )
        if not moved:
            _explain_refusal(conversations.exists(), conversation_id, client_id)
            return
        visitor = Visitor.objects.get(pk=visitor_id)
        _finish(
            company,
            conversation_id,
            author=_visitor(visitor_id, visitor.name),
            actor=Actor.visitor(visitor_id),
            client_id=client_id,
        )


_SYSTEM_AUTHOR: dict[str, Any] = {"kind": "system", "name": ""}


def _finish(
    company: CompanyRef,
    conversation_id: uuid.UUID,
    *,
    author: dict[str, Any],
    actor: Actor,
    disposition: str = "",
    client_id: uuid.UUID | None = None,
) -> None:
    _append_change(
        conversation_id,
        change="closed",
        state=State.CLOSED,
        author=author,
        disposition=disposition,
        client_id=client_id,
    )
    freed = routing.end(company_id=company.id, conversation_id=conversation_id, reason="closed")
    audit.record(
        company_id=company.id,
        actor=actor,
        verb=Verb.CONVERSATION_CLOSED,
        target_kind="conversation",
        target_id=conversation_id,
        disposition=disposition,
    )
    transaction.on_commit(lambda: _tell_freed(freed))


def _tell_freed(freed: routing.EndedWork) -> None:
    """Somebody has room again, or need not answer an offer any more."""
    if freed.agent_id is not None:
        if freed.offer_id is not None:
            withdrawn = OfferWithdrawn(offer=freed.offer_id, reason="withdrawn")
            broadcast.stop_ringing(freed.agent_id, withdrawn)
        agent_desks.show_present_status(freed.agent_id)
    waker.wake()


def _explain_refusal(exists: bool, conversation_id: uuid.UUID, client_id: uuid.UUID | None) -> None:
    """Raise why nothing was closed; return where the very same frame had closed it before."""
    if not exists:
        raise NotFound
    same = Event.objects.filter(
        conversation_id=conversation_id,
        kind=Event.Kind.CONVERSATION_CHANGED,
        client_id=client_id,
    )
    if client_id is None or not same.exists():
        raise ConversationClosed


def _append_change(
    conversation_id: uuid.UUID,
    *,
    change: str,
    state: Conversation.State,
    author: dict[str, Any],
    agent: dict[str, Any] | None = None,
    disposition: str = "",
    client_id: uuid.UUID | None = None,
) -> events.AppendedEvent:
    return events.append(
        conversation_id=conversation_id,
        kind=Event.Kind.CONVERSATION_CHANGED,
        author_kind=Event.AuthorKind(author["kind"]),
        author_id=uuid.UUID(author["id"]) if author.get("id") else None,
        body=_change(change, state, author, agent=agent, disposition=disposition),
        client_id=client_id,
    )


def _change(
    change: str,
    state: Conversation.State,
    author: dict[str, Any],
    *,
    agent: dict[str, Any] | None = None,
    disposition: str = "",
) -> dict[str, Any]:
    body = {"change": change, "state": state.value, "author": author}
    if agent is not None:
        body["agent"] = agent
    if disposition:
        body["disposition"] = disposition
    return body


def _first_events(
    author: dict[str, Any], start_id: uuid.UUID, text: str | None
) -> list[starting.FirstEvent]:
    started = _change("started", State.QUEUED, author)
    first = [starting.FirstEvent(Event.Kind.CONVERSATION_CHANGED, encode_body(started))]
    if text is not None:
        message = encode_body({"author": author, "text": text})
        first.append(starting.FirstEvent(Event.Kind.MESSAGE, message, client_id=start_id))
    return first


def _as_started(known: starting.Known | None, start_id: uuid.UUID) -> Started:
    """The answer that the same frame got before.

    Raises AlreadyOpen where it was another frame, and Unavailable where that one's chat has ended
    meanwhile: sent again, this frame opens one.
    """
    if known is None:
        raise NotFound
    if known.same_start is None:
        raise AlreadyOpen if known.has_open else Unavailable
    spoken = Event.objects.filter(conversation_id=known.same_start, client_id=start_id).exists()
    return Started(known.same_start, 2 if spoken else 1, is_new=False)


def _agent(agent: User) -> dict[str, Any]:
    return {"kind": "agent", "name": agent.shown_name, "id": str(agent.pk)}


def _visitor(visitor_id: uuid.UUID, name: str) -> dict[str, Any]:
    return {"kind": "visitor", "name": name, "id": str(visitor_id)}

"""Conversations as they stand in a company's tables, without sockets."""

import datetime
import json
import uuid

from django.db import transaction
from django.utils import timezone

from chat.actions import events
from chat.models import Conversation, Event, Visit, Visitor
from tenants.context import in_company
from tenants.models import User
from tenants.resolution import CompanyRef


def conversation(
    company: CompanyRef,
    *,
    agent: User | None = None,
    name: str = "Vera Visitor",
    said: tuple[str, ...] = ("Hello, is anybody there?",),
    answered: tuple[str, ...] = (),
    closed: bool = False,
    ago: datetime.timedelta = datetime.timedelta(minutes=3),
) -> Conversation:
    """A conversation that started `ago`: what the visitor said, then what the agent answered."""
    started = timezone.now() - ago
    with in_company(company):
        visitor = Visitor.objects.create(
            secret_digest=uuid.uuid4().hex, name=name, email="vera@visitors.example"
        )
        visit = Visit.objects.create(
            visitor=visitor,
            origin=f"https://www.{company.slug}.example",
            page_url=f"https://www.{company.slug}.example/offers",
            page_title="Our offers",
            referrer="https://search.example/?q=secret",
        )
        state = "closed" if closed else "assigned" if agent else "queued"
        made = Conversation.objects.create(
            visitor=visitor,
            visit=visit,
            start_id=uuid.uuid4(),
            state=state,
            phase=Conversation.Phase.DURING,
            started_at=started,
            agent=agent,
            assigned_at=started if agent else None,
            closed_at=timezone.now() if closed else None,
        )
        for text in said:
            _say(made, Event.AuthorKind.VISITOR, visitor.pk, name, text)
        for text in answered:
            assert agent is not None
            _say(made, Event.AuthorKind.AGENT, agent.pk, agent.shown_name, text)
    return made


def say_elsewhere(company: CompanyRef, made: Conversation, text: str) -> None:
    """Another process stores what the visitor says."""
    with in_company(company), transaction.atomic():
        events.append(
            conversation_id=made.pk,
            kind=Event.Kind.MESSAGE,
            author_kind=Event.AuthorKind.VISITOR,
            author_id=made.visitor_id,
            body={"text": text, "author": {"kind": "visitor", "name": "Vera"}},
        )


def _say(
    conversation: Conversation, kind: Event.AuthorKind, author: uuid.UUID, name: str, text: str
) -> None:
    conversation.last_seq += 1
    conversation.last_visitor_seq += 1
    at = conversation.started_at + datetime.timedelta(seconds=conversation.last_seq)
    Event.objects.create(
        conversation=conversation,
        seq=conversation.last_seq,
        visitor_seq=conversation.last_visitor_seq,
        kind=Event.Kind.MESSAGE,
        author_kind=kind,
        author_id=author,
        client_id=uuid.uuid4(),
        at=at,
        body=json.dumps({"text": text, "author": {"kind": kind, "name": name, "id": str(author)}}),
    )
    conversation.last_message_at = at
    conversation.save()

"""Conversations and leads to look at."""

import datetime
import json
import uuid

from django.utils import timezone

from chat.actions import leads
from chat.models import Conversation, Event, Visitor
from tenants.context import in_company
from tenants.models import User
from tenants.resolution import CompanyRef

WORDS = ("Is the blue one still there?", "It is. Shall we keep it for you?", "Ask Tom about price")


def conversation(
    company: CompanyRef,
    *,
    visitor: str = "Vera Visitor",
    agent: User | None = None,
    started_at: datetime.datetime | None = None,
    phase: str = "during",
) -> uuid.UUID:
    """A closed conversation: started, a question, an answer, a note, closed."""
    at = started_at or timezone.now()
    with in_company(company):
        person = Visitor.objects.create(secret_digest=uuid.uuid4().hex * 2, name=visitor)
        row = Conversation.objects.create(
            visitor=person,
            start_id=uuid.uuid4(),
            state=Conversation.State.CLOSED,
            phase=phase,
            started_at=at,
            closed_at=at,
            agent=agent,
            last_seq=5,
            last_visitor_seq=4,
        )
        theirs = {"kind": "visitor", "name": visitor, "id": str(person.pk)}
        ours = {"kind": "agent", "name": agent.shown_name if agent else "Agent"}
        rows: list[tuple[str, int | None, dict[str, object]]] = [
            ("conversation.changed", 1, {"change": "started", "state": "queued", "author": theirs}),
            ("message", 2, {"author": theirs, "text": WORDS[0]}),
            ("message", 3, {"author": ours, "text": WORDS[1]}),
            ("note", None, {"author": ours, "text": WORDS[2]}),
            ("conversation.changed", 4, {"change": "closed", "state": "closed", "author": ours}),
        ]
        Event.objects.bulk_create(
            Event(
                conversation=row,
                seq=seq,
                visitor_seq=visitor_seq,
                kind=kind,
                author_kind=str(body["author"]["kind"]),  # type: ignore[index]
                body=json.dumps(body),
                at=at,
            )
            for seq, (kind, visitor_seq, body) in enumerate(rows, start=1)
        )
        return row.pk


def lead(
    company: CompanyRef, *, name: str = "Lea Lead", email: str = "lea@mail.example"
) -> uuid.UUID:
    """A lead of the offline form."""
    with in_company(company):
        saved = leads.capture_offline(
            company=company,
            visitor_id=uuid.uuid4(),
            client_id=uuid.uuid4(),
            fields={"name": "Lea Lead", "email": email, "interest": "A blue one"},
        )
        return saved.lead_id

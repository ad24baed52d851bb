"""The statements by which a visitor starts a chat, written by hand: no action runs more often.

All of them run inside the company and in the caller's transaction.
"""

import dataclasses
import datetime
import uuid
from collections.abc import Sequence

from django.db import connection

from chat.models import Conversation, Event, Visitor

_LOOK_UP = """
SELECT visitor.name,
    (SELECT id FROM chat_conversation WHERE visitor_id = visitor.id AND start_id = %(start)s),
    EXISTS (SELECT FROM chat_conversation WHERE visitor_id = visitor.id AND state <> 'closed'),
    (SELECT agent_id FROM chat_conversation
     WHERE visitor_id = visitor.id AND agent_id IS NOT NULL ORDER BY started_at DESC LIMIT 1)
FROM chat_visitor visitor WHERE visitor.id = %(visitor)s
"""

# Nobody can show the conversation yet, so nobody is told; whoever opens it reads these rows.
_STORE = """
WITH conversation AS (
    INSERT INTO chat_conversation (id, visitor_id, visit_id, start_id, state, phase, started_at,
        disposition, last_message_at, last_seq, last_visitor_seq, desk_seen_seq, visitor_seen_seq)
    VALUES (%(id)s, %(visitor)s, %(visit)s, %(start)s, %(state)s, %(phase)s, %(at)s,
        '', %(last_message_at)s, %(last_seq)s, %(last_seq)s, 0, 0)
    ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO chat_event (conversation_id, seq, visitor_seq, kind, author_kind, author_id,
    client_id, body, at)
SELECT conversation.id, event.seq, event.seq, event.kind, %(author_kind)s, %(visitor)s,
    event.client_id, event.body, %(at)s
FROM conversation, unnest(%(kinds)s::text[], %(client_ids)s::uuid[], %(bodies)s::text[])
    WITH ORDINALITY AS event (kind, client_id, body, seq)
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A visitor's name and earlier conversations: the one that the same frame started, whether any
    is open, and whom the visitor talked to last."""

    name: str
    same_start: uuid.UUID | None
    has_open: bool
    last_agent_id: uuid.UUID | None


@dataclasses.dataclass(frozen=True, slots=True)
class FirstEvent:
    """`body`: JSON, not yet encrypted."""

    kind: Event.Kind
    body: str
    client_id: uuid.UUID | None = None


def look_up(visitor_id: uuid.UUID, start_id: uuid.UUID) -> Known | None:
    """The visitor as they are now; None: no such visitor. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, {"visitor": visitor_id, "start": start_id})
        row = cursor.fetchone()
    if row is None:
        return None
    name = Visitor._meta.get_field("name").from_db_value(row[0], None, connection)
    return Known(name, *row[1:])


def store(
    *,
    conversation_id: uuid.UUID,
    visitor_id: uuid.UUID,
    visit_id: uuid.UUID | None,
    start_id: uuid.UUID,
    phase: Conversation.Phase,
    at: datetime.datetime,
    events: Sequence[FirstEvent],
) -> bool:
    """Store a waiting conversation with its first events, numbered from 1. Queries: 1.

    False, and nothing is stored: another frame of the visitor started one meanwhile.
    """
    body = Event._meta.get_field("body")
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            {
                "id": conversation_id,
                "visitor": visitor_id,
                "visit": visit_id,
                "start": start_id,
                "state": Conversation.State.QUEUED.value,
                "phase": phase.value,
                "at": at,
                "last_message_at": at if events[-1].kind is Event.Kind.MESSAGE else None,
                "last_seq": len(events),
                "author_kind": Event.AuthorKind.VISITOR.value,
                "kinds": [event.kind.value for event in events],
                "client_ids": [event.client_id for event in events],
                "bodies": [body.get_db_prep_save(event.body, connection) for event in events],
            },
        )
        return bool(cursor.rowcount)

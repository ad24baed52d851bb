"""Reading a conversation's durable events, in order."""

import uuid
from collections.abc import Mapping

from django.db import connection
from psycopg import sql

from chat.models import Conversation, Event
from chat.queries.event_bodies import COLUMNS, StoredEvent, opened, readable
from tenants.many_schemas import rows_of_many

PAGE = 500
_BEHIND = sql.SQL(
    "SELECT {} FROM unnest(%s::uuid[], %s::bigint[]) AS held(id, after)"
    " JOIN chat_event ON conversation_id = held.id AND seq > held.after"
    " ORDER BY conversation_id, seq LIMIT %s"
).format(sql.SQL(", ").join(map(sql.Identifier, COLUMNS)))
_LAST_SEQS = sql.SQL("SELECT id, last_seq FROM {table} WHERE id = ANY(%s)")


def events_after(
    conversation_id: uuid.UUID, after: int, *, for_visitor: bool, limit: int = PAGE
) -> list[StoredEvent]:
    """The events after `after` in the side's own numbering, oldest first. Queries: 1."""
    rows = Event.objects.filter(conversation_id=conversation_id)
    if for_visitor:
        rows = rows.filter(visitor_seq__gt=after).order_by("visitor_seq")
    else:
        rows = rows.filter(seq__gt=after).order_by("seq")
    return readable(rows[:limit])


def replay(
    conversation_id: uuid.UUID, after: int, *, for_visitor: bool
) -> tuple[list[StoredEvent], int]:
    """`events_after`, and a desk seq up to which they are complete for that side. Queries: 2."""
    # Read first: what is stored in between is then among the events or comes as a hint.
    known = last_seqs([conversation_id]).get(conversation_id, (0, 0))[0]
    events = events_after(conversation_id, after, for_visitor=for_visitor)
    if len(events) == PAGE:
        return events, events[-1].seq
    return events, max([known, *(event.seq for event in events)])


def events_of_many(after: Mapping[uuid.UUID, int], *, limit: int = PAGE) -> list[StoredEvent]:
    """The events of several conversations, each after its own desk seq, in order. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, [list(after), list(after.values()), limit])
        return opened(cursor.fetchall())


def last_seqs(conversation_ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """The last desk and visitor seq of each conversation that exists. Queries: 1."""
    rows = Conversation.objects.filter(pk__in=conversation_ids)
    return {
        pk: (seq, visitor_seq)
        for pk, seq, visitor_seq in rows.values_list("pk", "last_seq", "last_visitor_seq")
    }


def last_seqs_by_schema(
    wanted: Mapping[str, list[uuid.UUID]],
) -> dict[uuid.UUID, int]:
    """The last desk seq of conversations of many companies, by schema name.

    Numbers only: it may run in any schema. Queries: as `rows_of_many`.
    """
    return dict(rows_of_many(_LAST_SEQS, "chat_conversation", wanted))

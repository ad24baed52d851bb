"""What stands in stored events, opened one by one: what cannot be read takes no other with it."""

import dataclasses
import datetime
import json
import logging
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from chat.models import Event
from tenants.errors import ValueUnreadable

logger = logging.getLogger("switchboard.events")

UNREADABLE = "This message cannot be read."
_BODY = Event._meta.get_field("body")
# What `opened` takes of a row, in its order; the body as it is stored.
COLUMNS = (
    "conversation_id",
    "seq",
    "visitor_seq",
    "kind",
    "author_kind",
    "client_id",
    "at",
    "author_id",
    "body",
)


@dataclasses.dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of chat.Event, opened. `visitor_seq` None: not for the visitor; `hides_change`: it
    stands in place of a change that cannot be read."""

    conversation_id: uuid.UUID
    seq: int
    visitor_seq: int | None
    kind: str
    author_kind: str
    client_id: uuid.UUID | None
    at: datetime.datetime
    body: dict[str, Any]
    hides_change: bool = False


def readable(rows: QuerySet[Event]) -> list[StoredEvent]:
    """The events, `opened`. Queries: 1."""
    # The field's own way would fail the whole reading.
    return opened(rows.values_list(*COLUMNS[:-1], Cast("body", TextField())))


def opened(rows: Iterable[tuple[Any, ...]]) -> list[StoredEvent]:
    """The events with their bodies; in place of one that cannot be read stands a message that says
    so, with its number.

    Raises KeyGone and KeyUnreadable, where none could be read.
    """
    return [_opened(*row) for row in rows]


def _opened(
    conversation_id: uuid.UUID,
    seq: int,
    visitor_seq: int | None,
    kind: str,
    author_kind: str,
    client_id: uuid.UUID | None,
    at: datetime.datetime,
    author_id: uuid.UUID | None,
    token: str,
) -> StoredEvent:
    hides_change = False
    try:
        body = json.loads(_BODY.from_db_value(token, None, connection))
    except ValueUnreadable:
        logger.error("Event %s cannot be read.", seq, extra={"conversation": conversation_id})
        author = {"kind": author_kind, "id": str(author_id) if author_id else None}
        if kind not in (Event.Kind.MESSAGE, Event.Kind.NOTE):
            hides_change = True
            kind = Event.Kind.NOTE if visitor_seq is None else Event.Kind.MESSAGE
            author_kind = Event.AuthorKind.SYSTEM.value
            author = {"kind": author_kind}
        body = {"text": UNREADABLE, "author": author}
    return StoredEvent(
        conversation_id, seq, visitor_seq, kind, author_kind, client_id, at, body, hides_change
    )

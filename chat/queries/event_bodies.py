"""What stands in stored events, opened one by one: what cannot be read takes no other with it."""

import json
import logging

from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.query import RawQuerySet

from chat.models import Event
from tenants.errors import DecryptionFailed

logger = logging.getLogger("switchboard.events")

UNREADABLE = "This message cannot be read."
_BODY = Event._meta.get_field("body")


def readable(rows: "QuerySet[Event] | RawQuerySet[Event]") -> list[Event]:
    """The events with their bodies; in place of one that cannot be read stands a message that says
    so, with its number.

    Raw rows bring the column as `token` instead of `body`. Raises KeyGone and KeyUnreadable, where
    none could be read. Queries: 1.
    """
    if isinstance(rows, QuerySet):
        # As it is stored: the field's own way would fail the whole reading.
        rows = rows.defer("body").annotate(token=Cast("body", TextField()))
    return [_opened(row) for row in rows]


def _opened(row: Event) -> Event:
    try:
        row.body = _BODY.from_db_value(row.token, None, connection)  # type: ignore[attr-defined]
    except DecryptionFailed as error:
        if type(error) is not DecryptionFailed:
            raise
        logger.error(
            "Event %s cannot be read.", row.seq, extra={"conversation": row.conversation_id}
        )
        _stand_in(row)
    return row


def _stand_in(row: Event) -> None:
    author = {"kind": row.author_kind, "id": str(row.author_id) if row.author_id else None}
    if row.kind not in (Event.Kind.MESSAGE, Event.Kind.NOTE):
        row.kind = Event.Kind.NOTE if row.visitor_seq is None else Event.Kind.MESSAGE
        author = {"kind": Event.AuthorKind.SYSTEM}
        row.author_kind = Event.AuthorKind.SYSTEM
    row.body = json.dumps({"text": UNREADABLE, "author": author})

"""How far each side has read."""

import dataclasses
import uuid
from collections.abc import Iterable
from typing import Literal

from django.db import connection

Side = Literal["visitor", "desk"]


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A side has read a conversation up to `seq`, in that side's own numbering."""

    conversation_id: uuid.UUID
    side: Side
    seq: int


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A mark that moved on, and the same place in the other side's numbering."""

    mark: Mark
    other_seq: int


_MOVE = {
    # Never back, never beyond what exists. The other side's place is found among the events.
    "visitor": """
        UPDATE chat_conversation SET visitor_seen_seq = least(%(seq)s, last_visitor_seq)
        WHERE id = %(id)s AND visitor_seen_seq < least(%(seq)s, last_visitor_seq)
        RETURNING (SELECT seq FROM chat_event
                   WHERE conversation_id = %(id)s AND visitor_seq = visitor_seen_seq)
    """,
    "desk": """
        UPDATE chat_conversation SET desk_seen_seq = least(%(seq)s, last_seq)
        WHERE id = %(id)s AND desk_seen_seq < least(%(seq)s, last_seq)
        RETURNING (SELECT max(visitor_seq) FROM chat_event
                   WHERE conversation_id = %(id)s AND seq <= desk_seen_seq)
    """,
}


def mark(marks: Iterable[Mark]) -> list[Shown]:
    """Store the marks that move on; the others change nothing. Runs inside the company.

    The caller has checked that each is the side's own conversation. Queries: 1 a mark.
    """
    shown = []
    with connection.cursor() as cursor:
        for one in marks:
            cursor.execute(_MOVE[one.side], {"seq": one.seq, "id": one.conversation_id})
            row = cursor.fetchone()
            if row is not None and row[0] is not None:
                shown.append(Shown(one, row[0]))
    return shown

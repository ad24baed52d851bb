"""A message to store, the one statement that stores many of them, and how each turned out."""

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from psycopg import sql

from chat.errors import ConversationClosed, Unavailable
from tenants import crypto
from tenants.errors import Conflict, NotFound, ProductError
from tenants.resolution import CompanyRef

BODY_LABEL = "chat.event.body"
_encode = msgspec.json.Encoder().encode


@dataclasses.dataclass(slots=True, eq=False)
class Append:
    """One message to store, and whom to tell."""

    company: CompanyRef
    conversation_id: uuid.UUID
    client_id: uuid.UUID
    kind: str
    author_kind: str
    author_id: uuid.UUID
    author_name: str
    text: str
    done: "Callable[[Append, Stored | ProductError], None]"
    # The same id once more in the same flush: they get the first one's outcome.
    again: "list[Append]" = dataclasses.field(default_factory=list)

    body: dict[str, Any] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        author = {"kind": self.author_kind, "name": self.author_name, "id": str(self.author_id)}
        self.body = {"author": author, "text": self.text}


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """Where a message stands. `is_new` False: it was stored before, and this changed nothing."""

    seq: int
    visitor_seq: int | None
    at: datetime.datetime
    is_new: bool


Outcome = Stored | ProductError


def encode_body(body: dict[str, Any]) -> str:
    """The JSON that is kept, encrypted, as an event's body."""
    return _encode(body).decode()


def parameters(appends: Sequence[Append]) -> tuple[str, str]:
    """The conversations to lock, as an array literal, and the messages, as JSON."""
    rows = [
        {
            "place": place,
            "conversation_id": append.conversation_id,
            "client_id": append.client_id,
            "author_kind": append.author_kind,
            "author_id": append.author_id,
            "kind": append.kind,
            "body": crypto.encrypt(
                append.company.schema_name, BODY_LABEL, encode_body(append.body)
            ),
        }
        for place, append in enumerate(appends)
    ]
    ids = {str(append.conversation_id) for append in appends}
    return f"{{{','.join(ids)}}}", _encode(rows).decode()


def statement(schema: str, *, skip_locked: bool = False) -> sql.Composed:
    """WRITE for a company. `skip_locked`: conversations that somebody holds count as not there."""
    wait = sql.SQL("SKIP LOCKED" if skip_locked else "")
    return sql.SQL(WRITE).format(schema=sql.Identifier(schema), wait=wait)


def outcome(row: Sequence[Any], *, skip_locked: bool) -> Outcome:
    _, seq, visitor_seq, at, is_known, is_same, is_own, state = row
    if is_known:
        return Stored(seq, visitor_seq, at, is_new=False) if is_same else Conflict()
    if seq is not None:
        return Stored(seq, visitor_seq, at, is_new=True)
    if is_own and state == "closed":
        return ConversationClosed()
    return Unavailable() if skip_locked and state is None else NotFound()


# The rows are locked in order of their ids before anything is numbered, and what is read of them
# is what the holders before us committed. Only an id that another process stores at this very
# moment can be missed: then the unique key refuses, and the flush is tried again. An id is known
# again only where it stands for such a message of this author: the frame that started or ended the
# conversation was another one.
WRITE = """
WITH held AS MATERIALIZED (
    SELECT id, state, visitor_id, agent_id, last_seq, last_visitor_seq
    FROM {schema}.chat_conversation WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE {wait}
), judged AS MATERIALIZED (
    SELECT i.*, i.kind <> 'note' AS visible, c.state, c.last_seq, c.last_visitor_seq,
           CASE i.author_kind
               WHEN 'visitor' THEN c.visitor_id = i.author_id AND i.kind = 'message'
               WHEN 'agent' THEN c.agent_id = i.author_id
               ELSE false
           END AS is_own,
           known.seq AS known_seq, known.visitor_seq AS known_visitor_seq, known.at AS known_at,
           CASE WHEN known.seq IS NOT NULL THEN
               known.author_id = i.author_id AND known.kind = i.kind
               AND (i.author_kind <> 'visitor' OR i.client_id IS DISTINCT FROM
                    (SELECT start_id FROM {schema}.chat_conversation WHERE id = i.conversation_id))
           END AS is_same
    FROM json_to_recordset(%s::json)
        AS i(place int, conversation_id uuid, client_id uuid, author_kind text, author_id uuid,
             kind text, body text)
    LEFT JOIN held c ON c.id = i.conversation_id
    LEFT JOIN {schema}.chat_event known
        ON known.conversation_id = i.conversation_id
        AND known.author_kind = i.author_kind AND known.client_id = i.client_id
), numbered AS MATERIALIZED (
    SELECT *, clock_timestamp() AS at,
           last_seq + row_number() OVER earlier AS seq,
           CASE WHEN visible
               THEN last_visitor_seq + count(*) FILTER (WHERE visible) OVER earlier
           END AS visitor_seq
    FROM judged
    WHERE known_seq IS NULL AND is_own AND state <> 'closed'
    WINDOW earlier AS (PARTITION BY conversation_id ORDER BY place ROWS UNBOUNDED PRECEDING)
), moved AS (
    UPDATE {schema}.chat_conversation c SET
        last_seq = ends.last_seq,
        last_visitor_seq = coalesce(ends.last_visitor_seq, c.last_visitor_seq),
        last_message_at = coalesce(ends.spoken_at, c.last_message_at),
        first_reply_at = coalesce(c.first_reply_at, ends.replied_at)
    FROM (
        SELECT conversation_id, max(seq) AS last_seq, max(visitor_seq) AS last_visitor_seq,
               max(at) FILTER (WHERE visible) AS spoken_at,
               min(at) FILTER (WHERE visible AND author_kind = 'agent') AS replied_at
        FROM numbered GROUP BY conversation_id
    ) ends
    WHERE c.id = ends.conversation_id AND c.state <> 'closed'
), stored AS (
    INSERT INTO {schema}.chat_event
        (conversation_id, seq, visitor_seq, kind, author_kind, author_id, client_id, body, at)
    SELECT conversation_id, seq, visitor_seq, kind, author_kind, author_id, client_id, body, at
    FROM numbered
)
SELECT place, seq, visitor_seq, at, false, true, true, state FROM numbered
UNION ALL
SELECT place, known_seq, known_visitor_seq, known_at, known_seq IS NOT NULL, is_same, is_own,
       state
FROM judged WHERE NOT (known_seq IS NULL AND is_own AND state <> 'closed') OR is_own IS NULL
"""

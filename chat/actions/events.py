"""Appending durable events in a transaction that changes something else as well.

Messages on sockets take chat.live.group_commit instead; both number by the same locked row.
"""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import IntegrityError, connection, transaction

from chat.live import broadcast
from chat.live.message_rows import encode_body
from chat.models import Event
from tenants.context import current_company
from tenants.errors import Conflict, NotFound


@dataclasses.dataclass(frozen=True, slots=True)
class AppendedEvent:
    """Where the event stands; `visitor_seq` None where the visitor does not see it."""

    seq: int
    visitor_seq: int | None


def append(
    *,
    conversation_id: uuid.UUID,
    kind: Event.Kind,
    author_kind: Event.AuthorKind,
    author_id: uuid.UUID | None,
    body: dict[str, Any],
    client_id: uuid.UUID | None = None,
    visible_to_visitor: bool = True,
) -> AppendedEvent:
    """Store the conversation's next event; its sockets are told on commit.

    Call it inside a transaction and inside the company. `body` holds the frame's own fields and
    `author` {kind, name, id?}. It takes the row's lock, and so the next seq, until the commit.
    Raises NotFound and, after which the transaction is to be given up, Conflict. Queries: 2.
    """
    seq, visitor_seq = _next_seqs(conversation_id, visible=visible_to_visitor)
    shown_seq = visitor_seq if visible_to_visitor else None
    with one_frame_an_id("event_client_id_unique"):
        Event.objects.create(
            conversation_id=conversation_id,
            seq=seq,
            visitor_seq=shown_seq,
            kind=kind,
            author_kind=author_kind,
            author_id=author_id,
            client_id=client_id,
            body=encode_body(body),
        )
    company_id = current_company().id
    transaction.on_commit(
        lambda: broadcast.conversation_event(
            company_id=company_id, conversation_id=conversation_id, seq=seq
        )
    )
    return AppendedEvent(seq, shown_seq)


@contextlib.contextmanager
def one_frame_an_id(constraint: str) -> Iterator[None]:
    """Raise Conflict where the unique `constraint` says that another frame had this one's id.

    The transaction has failed then: let the Conflict end it.
    """
    try:
        yield
    except IntegrityError as error:
        cause = error.__cause__
        if not isinstance(cause, psycopg.Error) or cause.diag.constraint_name != constraint:
            raise
        raise Conflict("Another frame had this id. Send it under a new one.") from None


def _next_seqs(conversation_id: uuid.UUID, *, visible: bool) -> tuple[int, int]:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("Append events inside a transaction.")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chat_conversation SET last_seq = last_seq + 1,"
            " last_visitor_seq = last_visitor_seq + %s WHERE id = %s"
            " RETURNING last_seq, last_visitor_seq",
            [int(visible), conversation_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotFound
    return row[0], row[1]

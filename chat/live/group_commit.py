"""Storing messages: what arrives while one transaction is in flight goes into the next, together.

One asynchronous connection, one transaction a flush for all companies in it, no thread. An idle
process flushes at once; an ack waits for its own commit and for nothing else. The statements judge
by themselves whether the author may write: there is no check before them that could be stale.
"""

import asyncio
import collections
import dataclasses
import datetime
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg
from django.conf import settings
from django.db import DatabaseError
from psycopg import sql

from chat.errors import ConversationClosed, Unavailable
from tenants import crypto
from tenants.async_db import ensure_keys
from tenants.errors import Conflict, NotFound, ProductError
from tenants.resolution import CompanyRef

logger = logging.getLogger("switchboard.group_commit")

BODY_LABEL = "chat.event.body"
MAX_FLUSH = 256
MAX_WAITING = 20_000
FLUSH_SECONDS = 10.0
# A connection remembers every company it touched; a new one forgets.
SCHEMAS_A_CONNECTION = 200
# Every row is found by its key, so one plan suits all sizes; planning anew would cost more than
# the statement.
SESSION = (
    "-c timezone=UTC -c lock_timeout=3s -c statement_timeout=5s -c jit=off"
    " -c plan_cache_mode=force_generic_plan"
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
_GONE = (psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError)


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


class GroupCommit:
    """One process's queue of messages and the one connection that stores them."""

    def __init__(self, *, max_flush: int = MAX_FLUSH, max_waiting: int = MAX_WAITING) -> None:
        self._max_flush = max_flush
        self._max_waiting = max_waiting
        self._waiting: collections.deque[Append] = collections.deque()
        self._task: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._statements: dict[str, bytes] = {}
        self.flushes = 0

    def submit(self, append: Append) -> None:
        """Have it stored; `append.done` is called on this loop with the outcome, never before.

        Full or closing, it is told Unavailable at once.
        """
        if len(self._waiting) >= self._max_waiting:
            append.done(append, Unavailable("Too much waits to be stored.", retry_after=2.0))
            return
        self._waiting.append(append)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush_all())

    async def drain(self) -> None:
        """Wait until everything submitted has its outcome."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Store what waits, then let go of the connection."""
        await self.drain()
        await self._disconnect()

    # --- Flushing ---------------------------------------------------------------------------------

    async def _flush_all(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), self._max_flush)
            batch = [self._waiting.popleft() for _ in range(size)]
            outcomes = await self._flush(_merged(batch))
            for append, outcome in outcomes:
                _tell(append, outcome)

    async def _flush(self, batch: Sequence[Append]) -> list[tuple[Append, Outcome]]:
        batch, refused = await self._with_keys(batch)
        return refused + (await self._store(batch) if batch else [])

    async def _store(
        self, batch: Sequence[Append], *, is_again: bool = False
    ) -> list[tuple[Append, Outcome]]:
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                return await self._transaction(batch)
        except psycopg.Error as error:
            if isinstance(error, _GONE) and self._is_lost():
                return await self._unavailable(batch, error)
            await self._roll_back()
            if isinstance(error, psycopg.errors.UniqueViolation) and not is_again:
                # Another process stored one of the ids meanwhile: now the statement sees it.
                return await self._store(batch, is_again=True)
            if len(batch) == 1:
                # The message of the error may hold a value: its type and state are enough.
                logger.error("A message was refused: %s.", error.sqlstate)
                return [(batch[0], Unavailable())]
        except _GONE as error:
            return await self._unavailable(batch, error)
        # One of them is bad. Halve until it stands alone; the others commit.
        middle = len(batch) // 2
        return await self._store(batch[:middle]) + await self._store(batch[middle:])

    async def _transaction(self, batch: Sequence[Append]) -> list[tuple[Append, Outcome]]:
        connection = await self._connected()
        by_company: dict[str, list[Append]] = {}
        for append in batch:
            by_company.setdefault(append.company.schema_name, []).append(append)
        self.flushes += 1
        # Always in the same order, so that two processes never wait for each other.
        parts = sorted(by_company.items())
        if len(parts) == 1:
            # One statement is a transaction by itself.
            cursors = [await self._write(connection, *parts[0])]
        else:
            # Between two synchronisations of a pipeline PostgreSQL keeps one transaction.
            async with connection.pipeline():
                cursors = [await self._write(connection, *part) for part in parts]
        outcomes: list[tuple[Append, Outcome]] = []
        for (_, appends), cursor in zip(parts, cursors, strict=True):
            outcomes += [(appends[row[0]], _outcome(row)) for row in await cursor.fetchall()]
        return outcomes

    async def _write(
        self, connection: psycopg.AsyncConnection[Any], schema: str, appends: list[Append]
    ) -> psycopg.AsyncCursor[Any]:
        statement = self._statements.get(schema)
        if statement is None:
            statement = sql.SQL(WRITE).format(schema=sql.Identifier(schema)).as_bytes(connection)
            self._statements[schema] = statement
        return await connection.execute(statement, _parameters(appends))

    async def _with_keys(
        self, batch: Sequence[Append]
    ) -> tuple[list[Append], list[tuple[Append, Outcome]]]:
        """Have every company's key at hand; refuse those of a company that has none."""
        failed: dict[str, ProductError] = {}
        for company in {append.company for append in batch}:
            try:
                await ensure_keys(company)
            except ProductError as error:
                failed[company.schema_name] = error
            except (DatabaseError, OSError):
                failed[company.schema_name] = Unavailable()
        if not failed:
            return list(batch), []
        good = [a for a in batch if a.company.schema_name not in failed]
        bad = [a for a in batch if a.company.schema_name in failed]
        return good, [(a, failed[a.company.schema_name]) for a in bad]

    async def _unavailable(
        self, batch: Sequence[Append], error: BaseException
    ) -> list[tuple[Append, Outcome]]:
        logger.warning("Messages cannot be stored: %s.", type(error).__name__)
        await self._disconnect()
        return [(append, Unavailable()) for append in batch]

    # --- The connection ---------------------------------------------------------------------------

    def _is_lost(self) -> bool:
        return self._connection is None or self._connection.closed

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if len(self._statements) > SCHEMAS_A_CONNECTION:
            await self._disconnect()
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(**connection_parameters())
            self._connection.prepared_max = SCHEMAS_A_CONNECTION + 10
        return self._connection

    async def _roll_back(self) -> None:
        connection = self._connection
        if connection is None or connection.closed:
            return
        try:
            await connection.rollback()
        except psycopg.Error:
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._statements.clear()
        if connection is not None:
            await connection.close()


def _tell(append: Append, outcome: Outcome) -> None:
    _tell_one(append, outcome)
    if append.again:
        if isinstance(outcome, Stored):
            outcome = dataclasses.replace(outcome, is_new=False)
        for again in append.again:
            _tell_one(again, outcome)


def _tell_one(append: Append, outcome: Outcome) -> None:
    try:
        append.done(append, outcome)
    except Exception:
        logger.exception("A sender could not be told.")


def connection_parameters() -> dict[str, Any]:
    """How to reach the very database that Django uses now (in tests, the test database)."""
    database = settings.DATABASES["default"]
    parameters = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
        **{k: v for k, v in database["OPTIONS"].items() if k != "pool"},
    }
    return {
        **{key: value for key, value in parameters.items() if value},
        "options": f"{database['OPTIONS'].get('options', '')} {SESSION}".strip(),
        "connect_timeout": 3,
        "autocommit": True,
        "prepare_threshold": 0,
        "application_name": "switchboard-messages",
    }


def _merged(batch: Sequence[Append]) -> list[Append]:
    """The batch without repetitions: they ride on the first of their id."""
    first: dict[tuple[uuid.UUID, str, uuid.UUID, uuid.UUID], Append] = {}
    for append in batch:
        key = (append.conversation_id, append.author_kind, append.author_id, append.client_id)
        if key in first:
            first[key].again.append(append)
        else:
            first[key] = append
    return list(first.values())


def _parameters(appends: Sequence[Append]) -> tuple[str, str]:
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
                append.company.schema_name, BODY_LABEL, _encode(append.body).decode()
            ),
        }
        for place, append in enumerate(appends)
    ]
    ids = {str(append.conversation_id) for append in appends}
    return f"{{{','.join(ids)}}}", _encode(rows).decode()


_encode = msgspec.json.Encoder().encode


def _outcome(row: Sequence[Any]) -> Outcome:
    _, seq, visitor_seq, at, is_known, same_author, is_own, state = row
    if is_known:
        return Stored(seq, visitor_seq, at, is_new=False) if same_author else Conflict()
    if seq is not None:
        return Stored(seq, visitor_seq, at, is_new=True)
    if is_own and state == "closed":
        return ConversationClosed()
    return NotFound()


# The rows are locked in order of their ids before anything is numbered, and what is read of them
# is what the holders before us committed. Only an id that another process stores at this very
# moment can be missed: then the unique key refuses, and the flush is tried again.
WRITE = """
WITH held AS MATERIALIZED (
    SELECT id, state, visitor_id, agent_id, last_seq, last_visitor_seq
    FROM {schema}.chat_conversation WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
), judged AS MATERIALIZED (
    SELECT i.*, i.kind <> 'note' AS visible, c.state, c.last_seq, c.last_visitor_seq,
           CASE i.author_kind
               WHEN 'visitor' THEN c.visitor_id = i.author_id AND i.kind = 'message'
               WHEN 'agent' THEN c.agent_id = i.author_id
               ELSE false
           END AS is_own,
           known.seq AS known_seq, known.visitor_seq AS known_visitor_seq, known.at AS known_at,
           known.author_id = i.author_id AS same_author
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
SELECT place, known_seq, known_visitor_seq, known_at, known_seq IS NOT NULL, same_author, is_own,
       state
FROM judged WHERE NOT (known_seq IS NULL AND is_own AND state <> 'closed') OR is_own IS NULL
"""

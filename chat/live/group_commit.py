"""Storing messages: what arrives while one transaction is in flight goes into the next, together.

One asynchronous connection, one transaction a flush for all companies in it, no thread. An idle
process flushes at once; an ack waits for its own commit and for nothing else. The statements judge
by themselves whether the author may write: there is no check before them that could be stale.
"""

import asyncio
import collections
import dataclasses
import datetime
import json
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

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

    @property
    def body(self) -> dict[str, Any]:
        return {
            "author": {
                "kind": self.author_kind,
                "name": self.author_name,
                "id": str(self.author_id),
            },
            "text": self.text,
        }


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
        self._schemas: dict[str, tuple[sql.Composed, sql.Composed]] = {}
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

    async def close(self) -> None:
        """Store what waits, then let go of the connection."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
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

    async def _store(self, batch: Sequence[Append]) -> list[tuple[Append, Outcome]]:
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                return await self._transaction(batch)
        except psycopg.Error as error:
            if isinstance(error, _GONE) and self._is_lost():
                return await self._unavailable(batch, error)
            await self._roll_back()
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
        cursors = []
        async with connection.pipeline():
            await connection.execute("BEGIN")
            # Always in the same order, so that two processes never wait for each other.
            for schema, appends in sorted(by_company.items()):
                lock, write = self._statements(schema)
                await connection.execute(lock, [[a.conversation_id for a in appends]])
                cursors.append((appends, await connection.execute(write, _columns(appends))))
            await connection.execute("COMMIT")
        outcomes: list[tuple[Append, Outcome]] = []
        for appends, cursor in cursors:
            outcomes += [(appends[row[0]], _outcome(row)) for row in await cursor.fetchall()]
        return outcomes

    def _statements(self, schema: str) -> tuple[sql.Composed, sql.Composed]:
        found = self._schemas.get(schema)
        if found is None:
            name = sql.Identifier(schema)
            found = (sql.SQL(LOCK).format(schema=name), sql.SQL(WRITE).format(schema=name))
            self._schemas[schema] = found
        return found

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
        if len(self._schemas) > SCHEMAS_A_CONNECTION:
            await self._disconnect()
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(**connection_parameters())
            self._connection.prepared_max = 2 * SCHEMAS_A_CONNECTION + 10
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
        self._schemas.clear()
        if connection is not None:
            await connection.close()


def _tell(append: Append, outcome: Outcome) -> None:
    repeated = outcome
    if isinstance(outcome, Stored):
        repeated = dataclasses.replace(outcome, is_new=False)
    for told, heard in ((append, outcome), *((again, repeated) for again in append.again)):
        try:
            told.done(told, heard)
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
    timeouts = "-c timezone=UTC -c lock_timeout=3s -c statement_timeout=5s"
    return {
        **{key: value for key, value in parameters.items() if value},
        "options": f"{database['OPTIONS'].get('options', '')} {timeouts}".strip(),
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


def _columns(appends: Sequence[Append]) -> list[list[Any]]:
    return [
        list(range(len(appends))),
        [a.conversation_id for a in appends],
        [a.client_id for a in appends],
        [a.author_kind for a in appends],
        [a.author_id for a in appends],
        [a.kind for a in appends],
        [crypto.encrypt(a.company.schema_name, BODY_LABEL, _json(a.body)) for a in appends],
    ]


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _outcome(row: Sequence[Any]) -> Outcome:
    _, seq, visitor_seq, at, is_known, same_author, is_own, state = row
    if is_known:
        return Stored(seq, visitor_seq, at, is_new=False) if same_author else Conflict()
    if seq is not None:
        return Stored(seq, visitor_seq, at, is_new=True)
    if is_own and state == "closed":
        return ConversationClosed()
    return NotFound()


# First the locks, in a statement of their own: the next one's snapshot then sees everything that
# the holders before us committed, so that no number is given twice and no id missed.
LOCK = """
SELECT 1 FROM {schema}.chat_conversation WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""

WRITE = """
WITH input AS (
    SELECT * FROM unnest(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::uuid[], %s::text[],
                         %s::text[])
        AS i(place, conversation_id, client_id, author_kind, author_id, kind, body)
), judged AS (
    SELECT i.*, i.kind <> 'note' AS visible, c.state, c.last_seq, c.last_visitor_seq,
           CASE i.author_kind
               WHEN 'visitor' THEN c.visitor_id = i.author_id AND i.kind = 'message'
               WHEN 'agent' THEN c.agent_id = i.author_id
               ELSE false
           END AS is_own,
           known.seq AS known_seq, known.visitor_seq AS known_visitor_seq, known.at AS known_at,
           known.author_id = i.author_id AS same_author
    FROM input i
    LEFT JOIN {schema}.chat_conversation c ON c.id = i.conversation_id
    LEFT JOIN {schema}.chat_event known
        ON known.conversation_id = i.conversation_id
        AND known.author_kind = i.author_kind AND known.client_id = i.client_id
), numbered AS (
    SELECT *,
           last_seq + row_number() OVER earlier AS seq,
           CASE WHEN visible
               THEN last_visitor_seq + count(*) FILTER (WHERE visible) OVER earlier
           END AS visitor_seq
    FROM judged
    WHERE known_seq IS NULL AND is_own AND state <> 'closed'
    WINDOW earlier AS (PARTITION BY conversation_id ORDER BY place ROWS UNBOUNDED PRECEDING)
), ends AS (
    SELECT conversation_id, max(seq) AS last_seq, max(visitor_seq) AS last_visitor_seq,
           bool_or(author_kind = 'agent' AND visible) AS replied, bool_or(visible) AS spoken
    FROM numbered GROUP BY conversation_id
), moved AS (
    UPDATE {schema}.chat_conversation c SET
        last_seq = ends.last_seq,
        last_visitor_seq = coalesce(ends.last_visitor_seq, c.last_visitor_seq),
        last_message_at = CASE WHEN ends.spoken THEN clock_timestamp() ELSE c.last_message_at END,
        first_reply_at = CASE WHEN ends.replied THEN coalesce(c.first_reply_at, clock_timestamp())
                              ELSE c.first_reply_at END
    FROM ends WHERE c.id = ends.conversation_id AND c.state <> 'closed'
    RETURNING c.id
), stored AS (
    INSERT INTO {schema}.chat_event
        (conversation_id, seq, visitor_seq, kind, author_kind, author_id, client_id, body, at)
    SELECT n.conversation_id, n.seq, n.visitor_seq, n.kind, n.author_kind, n.author_id,
           n.client_id, n.body, clock_timestamp()
    FROM numbered n JOIN moved ON moved.id = n.conversation_id
    RETURNING conversation_id, seq, visitor_seq, at
)
SELECT j.place, coalesce(j.known_seq, s.seq),
       CASE WHEN j.known_seq IS NULL THEN s.visitor_seq ELSE j.known_visitor_seq END,
       coalesce(j.known_at, s.at), j.known_seq IS NOT NULL, j.same_author, j.is_own, j.state
FROM judged j
LEFT JOIN numbered n ON n.place = j.place
LEFT JOIN stored s ON s.conversation_id = n.conversation_id AND s.seq = n.seq
ORDER BY j.place
"""

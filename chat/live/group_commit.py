"""Storing messages: what arrives while one transaction is in flight goes into the next, together.

One asynchronous connection, one transaction a flush for all companies in it, no thread. An idle
process flushes at once; an ack waits for its own commit and for nothing else. The statements judge
by themselves whether the author may write: there is no check before them that could be stale.
"""

import asyncio
import collections
import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

import psycopg
from django.conf import settings

from chat.errors import Unavailable
from chat.live import message_rows
from chat.live.message_rows import Append, Outcome, Stored
from tenants.async_db import ensure_keys
from tenants.errors import ProductError

logger = logging.getLogger("switchboard.group_commit")

MAX_FLUSH = 256
MAX_WAITING = 20_000
FLUSH_SECONDS = 10.0
# A connection remembers every company it touched; a new one forgets.
SCHEMAS_A_CONNECTION = 200
# Every row is found by its key, so one plan suits all sizes; planning anew would cost more than
# the statement.
SESSION = (
    "-c timezone=UTC -c lock_timeout=1s -c statement_timeout=5s -c jit=off"
    " -c plan_cache_mode=force_generic_plan"
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
# Options that Django's backend reads and libpq does not know.
_DJANGOS = {"pool", "server_side_binding", "assume_role", "isolation_level"}
# What one row alone can bring about, whoever stands beside it.
_A_ROWS_FAULT = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError)


class GroupCommit:
    """One process's queue of messages and the one connection that stores them."""

    def __init__(self, *, max_flush: int = MAX_FLUSH, max_waiting: int = MAX_WAITING) -> None:
        self._max_flush = max_flush
        self._max_waiting = max_waiting
        self._waiting: collections.deque[Append] = collections.deque()
        self._task: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._statements: dict[tuple[str, bool], bytes] = {}
        self.flushes = 0

    def submit(self, append: Append) -> None:
        """Have it stored; `append.done` is called on this loop with the outcome, never before.

        Where too many wait, it is told Unavailable at once.
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
            for append, outcome in await self._flush_safely(_merged(batch)):
                _tell(append, outcome)

    async def _flush_safely(self, batch: Sequence[Append]) -> list[tuple[Append, Outcome]]:
        """Whatever happens, everybody gets an outcome and the next flush a fresh start."""
        try:
            return await self._flush(batch)
        except Exception:
            logger.exception("A flush failed.")
            await self._disconnect()
            return [(append, Unavailable()) for append in batch]

    async def _flush(self, batch: Sequence[Append]) -> list[tuple[Append, Outcome]]:
        batch, refused = await self._with_keys(batch)
        return refused + (await self._store(batch) if batch else [])

    async def _store(
        self, batch: Sequence[Append], *, is_again: bool = False, skip_locked: bool = False
    ) -> list[tuple[Append, Outcome]]:
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                return await self._transaction(batch, skip_locked=skip_locked)
        except OSError as error:
            return await self._unavailable(batch, error)
        except psycopg.Error as error:
            await self._roll_back()
            if isinstance(error, psycopg.errors.UniqueViolation) and not is_again:
                # Another process stored one of the ids meanwhile: now the statement sees it.
                return await self._store(batch, is_again=True, skip_locked=skip_locked)
            if isinstance(error, psycopg.errors.LockNotAvailable) and not skip_locked:
                # Somebody holds one conversation: the others do not wait for it again.
                return await self._store(batch, is_again=is_again, skip_locked=True)
            if not isinstance(error, _A_ROWS_FAULT):
                return await self._unavailable(batch, error)
            if len(batch) == 1:
                # The message of the error may hold a value: its type and state are enough.
                logger.error(
                    "A message was refused: %s.",
                    error.sqlstate,
                    extra={"conversation": batch[0].conversation_id},
                )
                return [(batch[0], Unavailable())]
        # One of them is bad. Halve until it stands alone; the others commit.
        middle = len(batch) // 2
        return [
            *await self._store(batch[:middle], skip_locked=skip_locked),
            *await self._store(batch[middle:], skip_locked=skip_locked),
        ]

    async def _transaction(
        self, batch: Sequence[Append], *, skip_locked: bool
    ) -> list[tuple[Append, Outcome]]:
        connection = await self._connected()
        by_company: dict[str, list[Append]] = {}
        for append in batch:
            by_company.setdefault(append.company.schema_name, []).append(append)
        self.flushes += 1
        # Always in the same order, so that two processes never wait for each other.
        parts = sorted(by_company.items())
        if len(parts) == 1:
            # One statement is a transaction by itself.
            cursors = [await self._write(connection, *parts[0], skip_locked=skip_locked)]
        else:
            # Between two synchronisations of a pipeline PostgreSQL keeps one transaction.
            async with connection.pipeline():
                cursors = [
                    await self._write(connection, *part, skip_locked=skip_locked) for part in parts
                ]
        outcomes: list[tuple[Append, Outcome]] = []
        for (_, appends), cursor in zip(parts, cursors, strict=True):
            outcomes += [
                (appends[row[0]], message_rows.outcome(row, skip_locked=skip_locked))
                for row in await cursor.fetchall()
            ]
        return outcomes

    async def _write(
        self,
        connection: psycopg.AsyncConnection[Any],
        schema: str,
        appends: list[Append],
        *,
        skip_locked: bool,
    ) -> psycopg.AsyncCursor[Any]:
        statement = self._statements.get((schema, skip_locked))
        if statement is None:
            statement = message_rows.statement(schema, skip_locked=skip_locked).as_bytes(connection)
            self._statements[schema, skip_locked] = statement
        return await connection.execute(statement, message_rows.parameters(appends))

    async def _with_keys(
        self, batch: Sequence[Append]
    ) -> tuple[list[Append], list[tuple[Append, Outcome]]]:
        """Have every company's key at hand; refuse those of a company that has none."""
        failed = {
            schema: error if isinstance(error, ProductError) else Unavailable()
            for schema, error in (await ensure_keys(a.company for a in batch)).items()
        }
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
        logger.exception(
            "A sender could not be told.", extra={"conversation": append.conversation_id}
        )


def connection_parameters() -> dict[str, Any]:
    """How to reach the very database that Django uses now (in tests, the test database)."""
    database = settings.DATABASES["default"]
    parameters = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
        **{k: v for k, v in database["OPTIONS"].items() if k not in _DJANGOS},
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
    first: dict[tuple[object, ...], Append] = {}
    for append in batch:
        place = (append.company.id, append.conversation_id, append.kind)
        key = (*place, append.author_kind, append.author_id, append.client_id)
        if key in first:
            first[key].again.append(append)
        else:
            first[key] = append
    return list(first.values())

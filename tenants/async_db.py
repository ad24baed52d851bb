"""The one way from an event loop to the database: a thread that enters a schema and leaves it.

The channel library's own helper runs every socket of a process on one thread, and a schema set
around an `await` does not reach the thread; so every other way is banned by lint.
"""

import asyncio
import concurrent.futures
import contextvars
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import QuerySet
from django.db.models.query import RawQuerySet

from tenants.context import in_company, in_public
from tenants.errors import DecryptionFailed
from tenants.keyring import store
from tenants.resolution import CompanyRef

P = ParamSpec("P")
T = TypeVar("T")

_pool: concurrent.futures.ThreadPoolExecutor | None = None


def _executor() -> concurrent.futures.ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = concurrent.futures.ThreadPoolExecutor(
            max_workers=settings.SOCKET_DATABASE_THREADS, thread_name_prefix="socket-db"
        )
    return _pool


async def run_in_company(
    company: CompanyRef, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call `function` in a worker thread, inside the company's schema; return what it returns.

    Raises what it raises, and TypeError where it returns a QuerySet or an iterator: that would run
    its query after the schema was left.
    """

    def call() -> T:
        with in_company(company):
            return _evaluated(function(*args, **kwargs))

    return await _in_thread(call)


async def run_in_public(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a worker thread, inside the public schema; as run_in_company."""

    def call() -> T:
        with in_public():
            return _evaluated(function(*args, **kwargs))

    return await _in_thread(call)


async def ensure_keys(
    companies: Iterable[CompanyRef],
) -> Mapping[str, DecryptionFailed | DatabaseError]:
    """Have the companies' keys at hand, so that encryption on the loop asks no database.

    Call it before each piece of work on the loop that encrypts or decrypts; it is good for that
    piece (store.AT_HAND_SECONDS), not for an awaiting loop around it. Returns, by schema name, why
    keys cannot be had: a DecryptionFailed of its own for each, or one DatabaseError for all where
    the keys' database does not answer. Queries: 0 or 1.
    """
    schema_names = {company.schema_name for company in companies}
    missing = {name for name in schema_names if not store.is_at_hand(name)}
    if not missing:
        return {}
    try:
        return await run_in_public(store.load, missing)
    except DatabaseError as error:
        return dict.fromkeys(missing, error)


def _evaluated(result: T) -> T:
    parts: Iterable[object] = ()
    if isinstance(result, Mapping):
        parts = result.values()
    elif isinstance(result, (tuple, list, set, frozenset)):
        parts = result
    for part in (result, *parts):
        if isinstance(part, (QuerySet, RawQuerySet, Iterator)):
            raise TypeError("Return rows, not a query: it would be run outside the schema.")
    return result


async def _in_thread(call: Callable[[], T]) -> T:
    context = contextvars.copy_context()

    def guarded() -> T:
        close_old_connections()
        try:
            return call()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_executor(), context.run, guarded)

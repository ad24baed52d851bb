"""How long a sign-up keeps the database busy: schema by rename, rows, keys, audit."""

import functools
import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import django

SPARES = int(os.environ.get("BENCH_SPARES", "40"))


def main() -> None:
    django.setup()
    from tenants import schemas
    from tests.benchmarks.result import publish

    _sign_up()  # Without a spare; it also fills caches that a running process has filled.
    began = time.perf_counter()
    _sign_up()
    on_the_spot = time.perf_counter() - began
    for _ in range(SPARES):
        schemas.make_spare()
    spent = [_sign_up() for _ in range(SPARES)]
    publish(
        "signup",
        figures={
            "database time p50 ms": statistics.median(part.database for part in spent) * 1000,
            "database time p95 ms": _p95([part.database for part in spent]) * 1000,
            "whole sign-up p50 ms": statistics.median(part.whole for part in spent) * 1000,
            "whole sign-up p95 ms": _p95([part.whole for part in spent]) * 1000,
            "statements": max(part.statements for part in spent),
            "commits": max(part.commits for part in spent),
            "commits p50 ms": statistics.median(part.committing for part in spent) * 1000,
            "without a spare ms": on_the_spot * 1000,
        },
        targets={"database time p95 ms": ("<=", 50)},
        context={"sign-ups": SPARES, "tables of a company": _tables()},
    )


class Spent:
    whole = 0.0
    database = 0.0
    statements = 0
    commits = 0
    committing = 0.0


def _sign_up() -> Spent:
    """One sign-up of a new person for a new company."""
    from tenants.actions.provisioning import provision_company
    from tenants.actor import Actor
    from tenants.models import User

    name = f"c{uuid.uuid4().hex[:12]}"
    owner = User.objects.create(email=f"{name}@people.example")
    with _timed() as spent:
        provision_company(
            actor=Actor.person(owner),
            name=name,
            slug=name,
            website="",
            time_zone="Europe/Berlin",
            vertical="general",
            owner=owner,
        )
    return spent


@contextmanager
def _timed() -> Iterator[Spent]:
    """Adds up what the statements and the commits on both databases take."""
    from django.db import connections

    spent = Spent()

    def timed(call: Callable[..., Any], *args: Any) -> Any:
        began = time.perf_counter()
        try:
            return call(*args)
        finally:
            spent.database += time.perf_counter() - began

    def statement(execute: Callable[..., Any], *args: Any) -> Any:
        spent.statements += 1
        return timed(execute, *args)

    def commit(call: Callable[..., Any]) -> None:
        before = spent.database
        timed(call)
        spent.commits += 1
        spent.committing += spent.database - before

    with ExitStack() as stack:
        for alias in ("default", "keys"):
            connection = connections[alias]
            stack.enter_context(connection.execute_wrapper(statement))
            waits = functools.partial(commit, connection._commit)  # type: ignore[attr-defined]
            stack.enter_context(mock.patch.object(connection, "_commit", waits))
        began = time.perf_counter()
        yield spent
        spent.whole = time.perf_counter() - began


def _tables() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = "
            "(SELECT schema_name FROM tenants_company LIMIT 1)"
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    main()

"""Migrating many companies: those that stand alike run the same statements, made once.

Django's own command reads every migration and the whole catalogue for each schema, which takes the
longer the more schemas there are.
"""

import dataclasses
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, migrations, router, transaction
from django.db.migrations.executor import MigrationExecutor as Planner
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django_tenants.migration_executors.base import MigrationExecutor, run_migrations
from psycopg import sql

from tenants.context import COMPANIES_PER_CONNECTION, connection

# Whatever asks for more than "bring it to the newest state" is Django's to do, schema by schema.
_SPECIAL = (
    "app_label",
    "check_unapplied",
    "fake",
    "fake_initial",
    "migration_name",
    "plan",
    "prune",
    "run_syncdb",
)
# As Django writes it down.
_WRITE_DOWN = sql.SQL(
    "INSERT INTO {} (app, name, applied)"
    " SELECT app, name, now() FROM unnest(%s::text[], %s::text[]) AS done(app, name)"
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Script:
    """What brings a schema to the newest state, and the migrations it then has had."""

    statements: list[str]
    apps: list[str]
    migrations: list[str]


class AlikeExecutor(MigrationExecutor):
    """An executor of django-tenants' `migrate_schemas`.

    Of schemas with the same migrations applied, Django migrates the first; its statements then run
    in the others, each in a transaction of its own, so that whoever is stopped goes on where they
    were. Where a migration is more than statements (RunPython, non-atomic, squashed), Django
    migrates every one.
    """

    codename: Any = "alike"

    def run_migrations(self, tenants: Sequence[str] = ()) -> None:
        """Raises CommandError with the schema that could not be migrated; it stays as it was."""
        names = list(tenants)
        if self.PUBLIC_SCHEMA_NAME in names:
            self._by_django(self.PUBLIC_SCHEMA_NAME)
            names.remove(self.PUBLIC_SCHEMA_NAME)
        if any(self.options.get(name) for name in _SPECIAL):
            for name in names:
                self._by_django(name)
            return
        for first, *others in _alike(names):
            script = _script_for(first) if others else None
            self._by_django(first)
            for number, name in enumerate(others, start=1):
                if script is None:
                    self._by_django(name)
                    continue
                _run(script, name)
                if number % COMPANIES_PER_CONNECTION == 0 and not connection.in_atomic_block:
                    connection.close()
            if script is not None and self.options.get("verbosity", 1):
                done = f"[{self.codename}] {len(others)} more schemas, as {first}."
                OutputWrapper(sys.stdout).write(done)

    def _by_django(self, name: str) -> None:
        run_migrations(self.args, self.options, self.codename, name)


def executor(codename: str | None = None) -> type[MigrationExecutor]:
    """For django-tenants' GET_EXECUTOR_FUNCTION: the one executor there is."""
    return AlikeExecutor


def _alike(names: Sequence[str]) -> list[list[str]]:
    """The schemas, grouped by the migrations they have had; an empty one stands alone."""
    groups: dict[object, list[str]] = defaultdict(list)
    applied = sql.SQL("SELECT app, name FROM {}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'django_migrations'")
        begun = {name for (name,) in cursor.fetchall()}
        for name in names:
            if name not in begun:
                groups[name].append(name)
                continue
            cursor.execute(applied.format(sql.Identifier(name, "django_migrations")))
            groups[frozenset(cursor.fetchall())].append(name)
    return list(groups.values())


def _script_for(name: str) -> _Script | None:
    """What the schema still needs; None where statements alone would not do it."""
    connection.set_schema(name)
    planner = Planner(connection)
    plan = planner.migration_plan(planner.loader.graph.leaf_nodes())
    todo = [migration for migration, _ in plan]
    if not all(_is_statements(migration) for migration in todo):
        return None
    collected = planner.loader.collect_sql(plan)
    return _Script(
        statements=[line for line in collected if not line.startswith("--")],
        apps=[migration.app_label for migration in todo],
        migrations=[migration.name for migration in todo],
    )


def _is_statements(migration: Migration) -> bool:
    return (
        migration.atomic is not False
        and not migration.replaces
        and all(
            operation.reduces_to_sql
            or not router.allow_migrate(
                connection.alias, migration.app_label, **getattr(operation, "hints", {})
            )
            for operation in _flat(migration.operations)
        )
    )


def _flat(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def _run(script: _Script, name: str) -> None:
    connection.set_schema(name)
    written = _WRITE_DOWN.format(sql.Identifier(name, "django_migrations"))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in script.statements:
                cursor.execute(statement)
            cursor.execute(written, [script.apps, script.migrations])
    except DatabaseError as error:
        raise CommandError(f"{name} stays as it was: {error}") from error
    finally:
        connection.set_schema_to_public()

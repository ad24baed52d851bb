"""Migrating many companies: those that stand alike run the same statements, found once.

Django's own command reads every migration and the whole catalogue for each schema, which takes the
longer the more schemas there are.
"""

import contextlib
import dataclasses
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, migrations, router, transaction
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django_tenants.migration_executors import get_executor
from django_tenants.migration_executors.base import MigrationExecutor, run_migrations
from psycopg import sql

from tenants.context import connection, in_schema

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
_WRITTEN = sql.SQL("SELECT app, name FROM {} ORDER BY id")
# As Django writes it down.
_WRITE_DOWN = sql.SQL(
    "INSERT INTO {} (app, name, applied)"
    " SELECT app, name, now() FROM unnest(%s::text[], %s::text[]) AS done(app, name)"
)
Name = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class _Script:
    """The statements that brought a schema to the newest state, and the migrations it had by it."""

    statements: list[str]
    apps: list[str]
    names: list[str]


class AlikeExecutor(MigrationExecutor):
    """An executor of django-tenants' `migrate_schemas`.

    Of schemas that have had the same migrations, Django migrates the first; the statements that it
    ran there then run in the others, each in a transaction of its own, so that whoever is stopped
    goes on where they were. Where a migration is more than statements (RunPython, non-atomic,
    squashed), Django migrates every one.
    """

    codename: Any = "alike"

    def run_migrations(self, tenants: Sequence[str] = ()) -> None:
        """Raises CommandError with the schema that could not be migrated; it stays as it was."""
        names = list(tenants)
        if self.PUBLIC_SCHEMA_NAME in names:
            self._by_django(self.PUBLIC_SCHEMA_NAME)
            names.remove(self.PUBLIC_SCHEMA_NAME)
        if any(self.options.get(name) for name in _SPECIAL):
            self._by_django(*names)
            return
        groups, new = _alike(names)
        self._by_django(*new)
        for had, alike in groups.items():
            self._migrate(alike, had)

    def _migrate(self, names: Sequence[str], had: frozenset[Name]) -> None:
        first, *others = names
        if not others or not _needs_statements_only(first):
            self._by_django(*names)
            return
        with _overheard() as statements:
            self._by_django(first)
        done = [name for name in _written(first) if name not in had]
        script = _Script(statements, [app for app, _ in done], [name for _, name in done])
        for name in others:
            _run(script, name)
        if self.options.get("verbosity", 1):
            told = f"[{self.codename}] {len(others)} more schemas, as {first}."
            OutputWrapper(sys.stdout).write(told)

    def _by_django(self, *names: str) -> None:
        for name in names:
            run_migrations(self.args, self.options, self.codename, name)


def executor(codename: str | None = None) -> type[MigrationExecutor]:
    """For django-tenants' GET_EXECUTOR_FUNCTION: ours, unless the command names another."""
    if codename in (None, AlikeExecutor.codename):
        return AlikeExecutor
    named: type[MigrationExecutor] = get_executor(codename)
    return named


def pending(database: Any) -> list[Migration]:
    """The migrations that the schema a connection stands in has not had, in no order."""
    loader = MigrationLoader(database, load=False)
    loader.load_disk()
    had = MigrationRecorder(database).applied_migrations()
    return [migration for name, migration in loader.disk_migrations.items() if name not in had]


def _alike(names: Sequence[str]) -> tuple[dict[frozenset[Name], list[str]], list[str]]:
    """The schemas by the migrations they have had; and those that were never migrated."""
    groups: dict[frozenset[Name], list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'django_migrations'")
        begun = {name for (name,) in cursor.fetchall()}
    for name in names:
        if name in begun:
            groups[frozenset(_written(name))].append(name)
    return groups, [name for name in names if name not in begun]


def _written(name: str) -> list[Name]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN.format(sql.Identifier(name, "django_migrations")))
        found: list[Name] = cursor.fetchall()
    return found


def _needs_statements_only(name: str) -> bool:
    # The router tells of the schema that the connection stands in.
    with in_schema(name):
        return all(_is_statements(migration) for migration in pending(connection))


def _is_statements(migration: Migration) -> bool:
    return (
        migration.atomic
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


@contextlib.contextmanager
def _overheard() -> Iterator[list[str]]:
    """What migrations run on this connection, names looked up and values filled in."""
    statements: list[str] = []

    class Overheard(DatabaseSchemaEditor):
        def execute(self, statement: Any, params: Any = ()) -> None:
            text = str(statement)
            if params is not None:
                text = self.connection.ops.compose_sql(text, params)
            statements.append(text)
            super().execute(text, None)

    connection.SchemaEditorClass = Overheard
    try:
        yield statements
    finally:
        connection.SchemaEditorClass = DatabaseSchemaEditor


def _run(script: _Script, name: str) -> None:
    written = _WRITE_DOWN.format(sql.Identifier(name, "django_migrations"))
    try:
        with in_schema(name), transaction.atomic(), connection.cursor() as cursor:
            for statement in script.statements:
                cursor.execute(statement)
            cursor.execute(written, [script.apps, script.names])
    except DatabaseError as error:
        raise CommandError(f"{name} stays as it was: {error}") from error

"""Many companies are migrated by the statements of one, with the same outcome as by Django."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management import CommandError, call_command
from django.db import connection, migrations, models
from django.db.migrations.operations.base import Operation
from django.test.utils import CaptureQueriesContext
from django_tenants.migration_executors.base import run_migrations
from psycopg import sql
from pytest_django import Settings

from tenants.context import leave_all
from tenants.management.commands.migrate import Command
from tenants.migrating import AlikeExecutor
from tests.cast import Cast
from tests.tenants.later import later

pytestmark = pytest.mark.real_commits
COLUMNS = """
SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = %s AND table_name = 'chat_visit' ORDER BY column_name
"""
CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = %s::regnamespace AND conrelid::regclass::text LIKE '%%chat_visit' ORDER BY 1
"""
INDEXES = """
SELECT indexname, replace(indexdef, schemaname, '') FROM pg_indexes
WHERE schemaname = %s AND tablename = 'chat_visit' ORDER BY 1
"""
COPY_WRITTEN = sql.SQL("INSERT INTO {} (app, name, applied) SELECT app, name, applied FROM {}")


@pytest.fixture
def names(cast: Cast) -> Iterator[list[str]]:
    """Three schemas as companies have them, with the one table that the later release changes."""
    made = [f"t_{uuid.uuid4().hex}" for _ in range(3)]
    theirs = cast.acme.schema_name
    with connection.cursor() as cursor:
        for name in made:
            cursor.execute(f"CREATE SCHEMA {name}")
            for table in ("chat_visit", "django_migrations"):
                cursor.execute(f"CREATE TABLE {name}.{table} (LIKE {theirs}.{table} INCLUDING ALL)")
            cursor.execute(
                COPY_WRITTEN.format(
                    sql.Identifier(name, "django_migrations"),
                    sql.Identifier(theirs, "django_migrations"),
                )
            )
    yield made
    leave_all()
    with connection.cursor() as cursor:
        for name in made:
            cursor.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def later_release(names: list[str], settings: Settings) -> None:
    settings.MIGRATION_MODULES = {"chat": "tests.tenants.later"}


@pytest.fixture
def by_django(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that Django migrates itself."""
    told: list[str] = []
    run: Any = run_migrations

    def heard(args: Any, options: Any, codename: str, name: str) -> None:
        told.append(name)
        run(args, options, codename, name)

    monkeypatch.setattr("tenants.migrating.run_migrations", heard)
    return told


def migrate(names: list[str], *arguments: str) -> None:
    """What `manage.py migrate` does with these companies' schemas."""
    leave_all()
    parser = Command().create_parser("manage.py", "migrate")
    options = vars(parser.parse_args([*arguments, "--skip-checks", "--noinput"]))
    made: Any = AlikeExecutor
    made((), options).run_migrations(tenants=names)


def shape(name: str) -> list[list[tuple[Any, ...]]]:
    """The columns, constraints and indexes of a table, and what migrations are written down."""
    found = []
    with connection.cursor() as cursor:
        for query in (COLUMNS, CONSTRAINTS, INDEXES):
            cursor.execute(query, [name])
            found.append([(row[0], str(row[1:]).replace(name, "")) for row in cursor.fetchall()])
        written = sql.SQL("SELECT app, name FROM {} ORDER BY 1, 2")
        cursor.execute(written.format(sql.Identifier(name, "django_migrations")))
        found.append(cursor.fetchall())
    return found


def has_rating(name: str) -> bool:
    return "rating" in dict(shape(name)[0]) and ("chat", "later") in shape(name)[3]


@pytest.mark.usefixtures("later_release")
def test_the_others_come_out_as_the_one_that_django_migrated(
    names: list[str], by_django: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = shape(names[0])
    migrate(names)
    assert by_django == names[:1]
    assert [has_rating(name) for name in names] == [True] * 3
    assert shape(names[0]) == shape(names[1]) == shape(names[2])
    assert [len(now) - len(then) for now, then in zip(shape(names[0]), before, strict=True)] == [
        1,
        1,
        1,
        1,
    ]
    assert f"2 more schemas, as {names[0]}." in capsys.readouterr().out


@pytest.mark.usefixtures("later_release")
def test_those_that_stand_elsewhere_go_a_way_of_their_own(
    names: list[str], by_django: list[str]
) -> None:
    migrate(names[2:])
    by_django.clear()
    settled = shape(names[2])
    with CaptureQueriesContext(connection) as queries:
        migrate(names)
    assert by_django == [names[0], names[2]]
    assert [has_rating(name) for name in names] == [True] * 3
    assert shape(names[2]) == settled
    added = [q["sql"] for q in queries if "ADD COLUMN" in q["sql"]]
    assert len(added) == 2


@pytest.mark.usefixtures("later_release")
def test_one_that_fails_is_named_and_stays_as_it_was_and_the_next_run_goes_on(
    names: list[str], by_django: list[str]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX visit_rating_idx ON {names[1]}.chat_visit (origin)")
    before = [shape(name) for name in names]
    with pytest.raises(CommandError, match=f"{names[1]} stays as it was"):
        migrate(names)
    assert [has_rating(name) for name in names] == [True, False, False]
    assert [shape(name) for name in names[1:]] == before[1:]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {names[1]}.visit_rating_idx")
    migrate(names)
    assert shape(names[0]) == shape(names[1]) == shape(names[2])
    assert by_django == [names[0], names[0], names[1]]


RATING = models.SmallIntegerField(null=True)
UNIQUE_ONCE = models.SmallIntegerField(null=True, unique=True)


@pytest.mark.usefixtures("later_release")
@pytest.mark.parametrize(
    "operations",
    [
        # The names of what is dropped stand nowhere before the first steps are done.
        [
            migrations.AddField("visit", "rating", UNIQUE_ONCE),
            migrations.AlterField("visit", "rating", RATING),
        ],
        [
            migrations.AddField("visit", "rating", RATING),
            migrations.AlterUniqueTogether("visit", {("rating", "origin")}),
            migrations.AlterUniqueTogether("visit", set()),
        ],
        [
            migrations.RunSQL(
                "-- Why it is so; 100 %\nALTER TABLE chat_visit ADD COLUMN rating smallint"
            ),
            migrations.RunSQL([("COMMENT ON COLUMN chat_visit.rating IS %s", ["5 %"])]),
        ],
        [
            migrations.AddField("visit", "rating", RATING),
            migrations.RenameField("visit", "rating", "stars"),
            migrations.RenameField("visit", "stars", "rating"),
            migrations.AlterField("visit", "rating", models.IntegerField(default=3)),
        ],
    ],
)
def test_whatever_the_statements_are_all_come_out_alike(
    names: list[str],
    by_django: list[str],
    monkeypatch: pytest.MonkeyPatch,
    operations: list[Operation],
) -> None:
    monkeypatch.setattr(later.Migration, "operations", operations)
    migrate(names)
    assert by_django == names[:1]
    assert [has_rating(name) for name in names] == [True] * 3
    assert shape(names[0]) == shape(names[1]) == shape(names[2])


def add_column(apps: Any, editor: Any) -> None:
    editor.execute("ALTER TABLE chat_visit ADD COLUMN rating smallint")


def nothing(apps: Any, editor: Any) -> None:
    """Only there to be more than a statement."""


IN_PYTHON = migrations.RunPython(add_column, nothing)
IN_SQL = migrations.AddField("visit", "rating", RATING)


@pytest.mark.usefixtures("later_release")
@pytest.mark.parametrize(
    "changes",
    [
        {"operations": [IN_PYTHON]},
        {"operations": [migrations.SeparateDatabaseAndState(database_operations=[IN_PYTHON])]},
        {"operations": [IN_SQL], "replaces": [("chat", "never_written")]},
        {
            "operations": [
                IN_SQL,
                AddIndexConcurrently("visit", models.Index(fields=["rating"], name="r_idx")),
            ],
            "atomic": False,
        },
    ],
)
def test_what_is_more_than_statements_is_run_by_django_in_each(
    names: list[str],
    by_django: list[str],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
) -> None:
    for attribute, value in changes.items():
        monkeypatch.setattr(later.Migration, attribute, value)
    migrate(names)
    assert by_django == names
    assert [has_rating(name) for name in names] == [True] * 3


@pytest.mark.usefixtures("later_release")
def test_empty_schemas_are_migrated_by_django_each(names: list[str], by_django: list[str]) -> None:
    with connection.cursor() as cursor:
        for name in names[1:]:
            cursor.execute(f"DROP TABLE {name}.chat_visit, {name}.django_migrations")
    public = shape("public")
    migrate(names)
    assert by_django == [*names[1:], names[0]]
    assert [has_rating(name) for name in names] == [True] * 3
    assert shape("public") == public


@pytest.mark.usefixtures("later_release")
def test_a_schema_that_goes_meanwhile_ends_the_run_and_nothing_of_it_lands_elsewhere(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table made in it would otherwise be made in the next schema of the search path."""
    key = ("id", models.BigAutoField(primary_key=True))
    monkeypatch.setattr(later.Migration, "operations", [migrations.CreateModel("Later", [key])])
    run: Any = run_migrations

    def dropping(args: Any, options: Any, codename: str, name: str) -> None:
        run(args, options, codename, name)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {names[1]} CASCADE")

    monkeypatch.setattr("tenants.migrating.run_migrations", dropping)
    try:
        with pytest.raises(CommandError, match=f"{names[1]} stays as it was"):
            migrate(names)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {names[1]}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'chat_later'")
        assert cursor.fetchall() == [(names[0],)]


@pytest.mark.usefixtures("later_release")
def test_a_plan_changes_nothing(names: list[str], by_django: list[str]) -> None:
    before = [shape(name) for name in names]
    migrate(names, "--plan")
    assert by_django == names
    assert [shape(name) for name in names] == before


def test_the_command_migrates_by_it(cast: Cast, by_django: list[str]) -> None:
    call_command("migrate", verbosity=0, interactive=False)
    assert by_django[0] == "public"
    assert len(by_django) == 2

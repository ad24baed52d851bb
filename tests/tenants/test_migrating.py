"""A schema is migrated whole or not at all, whenever the migration is stopped."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tenants.context import leave_all

pytestmark = pytest.mark.real_commits
SCHEMA = "half_migrated"


@pytest.fixture
def schema(cast: object) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    yield SCHEMA
    leave_all()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def migrate() -> None:
    call_command("migrate_schemas", tenant=True, schema_name=SCHEMA, interactive=False, verbosity=0)


def tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [SCHEMA])
        return {name for (name,) in cursor.fetchall()}


def test_stopped_before_a_migration_is_written_down_it_begins_anew(
    schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(recorder: MigrationRecorder, app: str, name: str) -> None:
        if app == "chat":
            raise KeyboardInterrupt
        written(recorder, app, name)

    written = MigrationRecorder.record_applied
    with monkeypatch.context() as stopping:
        stopping.setattr(MigrationRecorder, "record_applied", stopped)
        with pytest.raises(KeyboardInterrupt):
            migrate()
    assert tables() == {"django_migrations"}

    migrate()
    assert {"chat_conversation", "chat_event", "crm_sync_delivery"} < tables()

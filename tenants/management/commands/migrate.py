import contextlib
from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections, transaction
from django_tenants.management.commands.migrate_schemas import MigrateSchemasCommand

from tenants.migrating import pending


class WholeMigrate(DjangoMigrate):
    """Migrates one schema whole or not at all, unless a migration says that it is not atomic.

    Django writes down that a migration ran after the migration's own transaction: whoever is
    stopped between the two has tables that the next run would make again, and fails over.
    """

    def handle(self, *args: Any, **options: Any) -> Any:
        database = options["database"]
        is_whole = all(migration.atomic for migration in pending(connections[database]))
        with transaction.atomic(using=database) if is_whole else contextlib.nullcontext():
            return super().handle(*args, **options)


class Command(MigrateSchemasCommand):
    """Migrates the public schema and every company's; with --database keys, the keyring."""

    def execute(self, *args: Any, **options: Any) -> Any:
        if options.get("database") == "keys":
            return WholeMigrate().execute(*args, **{"skip_checks": True, **options})
        return super().execute(*args, **options)

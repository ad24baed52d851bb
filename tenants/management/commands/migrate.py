from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import transaction
from django_tenants.management.commands.migrate_schemas import MigrateSchemasCommand


class WholeMigrate(DjangoMigrate):
    """Migrates one schema whole or not at all.

    Django writes down that a migration ran after the migration's own transaction: whoever is
    stopped between the two has tables that the next run would make again, and fails over.
    """

    def handle(self, *args: Any, **options: Any) -> Any:
        with transaction.atomic(using=options["database"]):
            return super().handle(*args, **options)


class Command(MigrateSchemasCommand):
    """Migrates the public schema and every company's; with --database keys, the keyring."""

    def execute(self, *args: Any, **options: Any) -> Any:
        if options.get("database") == "keys":
            return WholeMigrate().execute(*args, **{"skip_checks": True, **options})
        return super().execute(*args, **options)

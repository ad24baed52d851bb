from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django_tenants.management.commands.migrate_schemas import MigrateSchemasCommand


class Command(MigrateSchemasCommand):
    """Migrates the public schema and every company's; with --database keys, the keyring."""

    def execute(self, *args: Any, **options: Any) -> Any:
        if options.get("database") == "keys":
            return DjangoMigrate().execute(*args, **{"skip_checks": True, **options})
        return super().execute(*args, **options)

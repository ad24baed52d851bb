from typing import Any

from django.db.models import Model
from django_tenants.routers import TenantSyncRouter

KEYRING = "keyring"


class SchemaRouter(TenantSyncRouter):
    """Which tables stand where: the keyring in its own database, the rest by schema."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return "keys" if model._meta.app_label == KEYRING else None

    db_for_write = db_for_read

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        if db == "keys" or app_label == KEYRING:
            return db == "keys" and app_label == KEYRING
        allowed: bool | None = super().allow_migrate(db, app_label, model_name, **hints)  # type: ignore[no-untyped-call]
        return allowed

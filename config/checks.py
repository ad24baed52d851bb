"""System checks: what a deployment must not start with."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def schema_split(**kwargs: Any) -> list[CheckMessage]:
    """An app in both lists would have its company tables silently missing."""
    both = set(settings.SHARED_APPS) & set(settings.TENANT_APPS)
    return [
        Error(f"{app} stands in SHARED_APPS and in TENANT_APPS.", id="config.E001") for app in both
    ]


@register(deploy=True)
def real_services(**kwargs: Any) -> list[CheckMessage]:
    """Production runs on neither embedded services nor development secrets."""
    if not settings.IS_DEVELOPMENT:
        return []
    return [
        Error(
            "Embedded services and development secrets are in use.",
            hint="Set DATABASE_URL, REDIS_URL, SECRET_KEY and FIELD_ENCRYPTION_KEY.",
            id="config.E002",
        )
    ]

"""System checks of the keyring; with the other database checks, on `check --database keys`."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured


@register(Tags.database)
def keyring_opens(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The configured key-encryption key is the one that this installation was made with."""
    from tenants.keyring import canary

    if "keys" not in (databases or ()):
        return []
    try:
        canary.verify()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="tenants.E003")]
    return []

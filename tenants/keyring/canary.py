"""Refusing to serve with the wrong key-encryption key."""

import logging

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, ProgrammingError, transaction

from tenants.keyring import wrapping
from tenants.keyring.models import Canary, CompanyKey

_WORD = b"the canary sings as long as it is"[: wrapping.KEY_BYTES]
_WRONG = (
    "FIELD_ENCRYPTION_KEY does not open this installation's keyring. Set the key it was made with; "
    "to change it, put the new key before the old one and run `manage.py rotate_keys --wrapping`."
)

logger = logging.getLogger("switchboard.keyring")


def verify() -> None:
    """Check the key-encryption keys against the stored canary; store one where there is none.

    Raises ImproperlyConfigured for the wrong key. A keyring database that is not migrated yet has
    none, and one that does not answer is no proof of it: every unwrapping checks anew.
    """
    try:
        with transaction.atomic(using="keys"):
            _verify()
    except ProgrammingError:
        return
    except DatabaseError:
        logger.warning("The keyring database does not answer; the key was not checked.")


def _verify() -> None:
    canary = Canary.objects.first()
    if canary is None:
        _try_oldest_key()
        Canary.objects.bulk_create([Canary(wrapped=wrapping.wrap(_WORD))], ignore_conflicts=True)
        canary = Canary.objects.get()
    try:
        known = wrapping.unwrap(canary.wrapped) == _WORD
    except wrapping.KeyUnreadable:
        known = False
    if not known:
        raise ImproperlyConfigured(_WRONG)


def _try_oldest_key() -> None:
    """A canary that was lost must not be replaced under a wrong key."""
    key = CompanyKey.objects.order_by("pk").first()
    if key is None:
        return
    try:
        wrapping.unwrap(key.wrapped)
    except wrapping.KeyUnreadable:
        raise ImproperlyConfigured(_WRONG) from None

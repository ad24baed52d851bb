"""Addresses of people whom e-mail can reach."""

from django.core.exceptions import ValidationError
from django.utils.encoding import punycode

from tenants.unseen import has_unseen


def refuse_unreachable(address: str) -> None:
    """A validator for forms. Raises ValidationError for what no e-mail can be sent to."""
    # Not "invalid": of that code, a field says its own sentence instead of a validator's.
    if has_unseen(address):
        raise ValidationError("Take out the characters that cannot be seen.", code="unreachable")
    try:
        # As Django's e-mail does: some names beyond ASCII are those of no host (RFC 5890).
        punycode(address.rpartition("@")[2])
    except UnicodeError:
        raise ValidationError("No host has the name behind the @.", code="unreachable") from None

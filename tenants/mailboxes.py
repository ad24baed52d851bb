"""Addresses of people whom e-mail can reach."""

from django.core.exceptions import ValidationError

from tenants.unseen import refuse_unseen


def refuse_unreachable(address: str) -> None:
    """A validator for forms. Raises ValidationError for what no e-mail can be sent to."""
    refuse_unseen(address)
    try:
        # As e-mail does (RFC 5890): some names of letters beyond ASCII are those of no host.
        address.rpartition("@")[2].encode("idna")
    except UnicodeError:
        raise ValidationError("No host has the name behind the @.", code="invalid") from None

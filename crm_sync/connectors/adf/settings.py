"""Settings of an ADF connection: one store's lead address."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
from django.conf import settings

from crm_sync import addresses
from crm_sync.connectors.base import SettingField, SettingsRefused
from crm_sync.errors import AddressRefused

FIELDS = (
    SettingField(
        "transport",
        "Send by",
        "Nearly every dealer CRM takes ADF by e-mail, at a lead address of each store.",
        kind="choice",
        choices=(("email", "E-mail"), ("http", "HTTP POST")),
    ),
    SettingField(
        "target",
        "Lead address",
        "The store's ADF mailbox (leads@store.crm.example), or the https:// address to POST to.",
    ),
    SettingField(
        "vendor_name",
        "Dealer name",
        "As the CRM knows the store. Some file a lead under the store of this very name.",
    ),
    SettingField("vendor_id", "Dealer number", "If the CRM gave you one.", required=False),
    SettingField(
        "default_make",
        "Make, where the visitor named none",
        "Some CRMs want one. Left empty, we send none rather than make one up.",
        required=False,
    ),
    SettingField(
        "comments_limit",
        "Longest comment",
        "Characters of notes and transcript; CRMs cut silently, we cut with a mark.",
        kind="number",
    ),
)
_LIMITS = (200, 30_000)
# The dot-atom of RFC 5322: no quoting, no comments, nothing that ends a header.
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")


class Settings(msgspec.Struct, frozen=True):
    transport: Literal["email", "http"]
    target: str
    vendor_name: str
    vendor_id: str = ""
    default_make: str = ""
    comments_limit: int = 4000


def parse(values: Mapping[str, str]) -> dict[str, object]:
    """Raises SettingsRefused with every wrong field at once."""
    text = {name: " ".join(str(value).split()) for name, value in values.items()}
    errors: dict[str, str] = {}
    transport, target = text.get("transport", "email"), text.get("target", "")
    if transport not in ("email", "http"):
        errors["transport"] = "Choose e-mail or HTTP POST."
    elif transport == "email" and not _MAILBOX.fullmatch(target):
        errors["target"] = "Write the mailbox like leads@store.crm.example."
    elif transport == "http":
        try:
            addresses.check_url(target, allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK)
        except AddressRefused as error:
            errors["target"] = str(error)
    for name, most in (("vendor_name", 90), ("vendor_id", 60), ("default_make", 60)):
        if len(text.get(name, "")) > most:
            errors[name] = f"Write at most {most} characters."
    if not text.get("vendor_name"):
        errors["vendor_name"] = "Write the dealer's name."
    limit = text.get("comments_limit") or "4000"
    least, most = _LIMITS
    if not (limit.isascii() and limit.isdecimal() and least <= int(limit) <= most):
        errors["comments_limit"] = f"Write a number from {least} to {most}."
    if errors:
        raise SettingsRefused(errors)
    return {
        "transport": transport,
        "target": target,
        "vendor_name": text["vendor_name"],
        "vendor_id": text.get("vendor_id", ""),
        "default_make": text.get("default_make", ""),
        "comments_limit": int(limit),
    }

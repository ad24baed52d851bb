"""Settings and secrets of a signed webhook."""

import base64
import secrets
from collections.abc import Mapping

import msgspec
from django.conf import settings

from crm_sync import addresses
from crm_sync.connectors.base import SettingField, SettingsRefused
from crm_sync.errors import AddressRefused

SECRET_BYTES = 32
FIELDS = (
    SettingField(
        "url",
        "Address",
        "Where we POST each lead as JSON. A public https:// address; we follow no redirects.",
        kind="url",
    ),
    SettingField(
        "transcript",
        "Send the transcript",
        "The chat up to the moment the lead was saved, cut at 15 kB.",
        kind="flag",
        required=False,
    ),
)


class Settings(msgspec.Struct, frozen=True):
    url: str
    transcript: bool = True


class Credentials(msgspec.Struct, frozen=True):
    """`secret` signs; while `previous` is set, it signs too (Standard Webhooks, key rotation)."""

    secret: str
    previous: str = ""


def parse(values: Mapping[str, str]) -> dict[str, object]:
    """Raises SettingsRefused."""
    url = values.get("url", "").strip()
    try:
        addresses.check_url(url, allow_loopback=settings.OUTBOUND_ALLOW_LOOPBACK)
    except AddressRefused as error:
        raise SettingsRefused({"url": str(error)}) from None
    return {"url": url, "transcript": bool(values.get("transcript"))}


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()

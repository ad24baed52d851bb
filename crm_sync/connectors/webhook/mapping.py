"""Lead to signed JSON. Pure. Standard Webhooks: headers, signature and body shape."""

import base64
import datetime
import hashlib
import hmac
from collections.abc import Iterable

import msgspec

from chat.interface import LeadPayload, Line

# The specification recommends bodies below 20 kB.
TRANSCRIPT_BYTES = 15_000


def body(lead: LeadPayload, *, transcript: bool) -> bytes:
    """`{type, timestamp, data}` with the canonical payload as data."""
    kept = _newest_lines(lead) if transcript else ()
    data = msgspec.to_builtins(msgspec.structs.replace(lead, transcript=kept))
    data["transcript_cut"] = len(kept) < len(lead.transcript)
    event = {
        "type": "lead.created" if lead.revision == 1 else "lead.updated",
        "timestamp": lead.revised_at.isoformat(),
        "data": data,
    }
    return msgspec.json.encode(event)


def headers(
    content: bytes, *, key: str, at: datetime.datetime, secrets: Iterable[str]
) -> dict[str, str]:
    """`webhook-id` stays the same when it goes again; the timestamp is the attempt's."""
    timestamp = str(int(at.timestamp()))
    signatures = " ".join(
        signature(secret, key=key, timestamp=timestamp, content=content) for secret in secrets
    )
    return {
        "content-type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures,
    }


def signature(secret: str, *, key: str, timestamp: str, content: bytes) -> str:
    signed = f"{key}.{timestamp}.".encode() + content
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest.digest()).decode()


def _newest_lines(lead: LeadPayload) -> tuple[Line, ...]:
    """The end of the transcript that fits: what was said last says most."""
    kept = []
    left = TRANSCRIPT_BYTES
    for line in reversed(lead.transcript):
        left -= len(msgspec.json.encode(line))
        if left < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))

"""What an attempt keeps of request and answer: enough to find a fault, nothing a person wrote."""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import unquote_plus

import msgspec

from crm_sync.connectors.base import Incoming, Outgoing
from crm_sync.private_words import MASK, PrivateWords

REQUEST_CHARACTERS = 8000
ANSWER_CHARACTERS = 2000
HEADER_CHARACTERS = 300
NOT_KEPT = "(not kept: the lead is too long to look for its words in the answer)"
# Read along and not kept, so that what begins before the end is known whole.
_OVERLAP = 512
# Bounded, so that a hostile answer of one long word costs no more than any other.
_EMAIL = re.compile(r"[^\s<>\"'@,;:]{1,64}@[^\s<>\"'@,;:]{1,255}")
_NUMBER = re.compile(r"\+?\d(?:[ ().\-/]?\d){6,}")
_KEPT_HEADERS = frozenset(
    [
        "content-type", "content-length", "content-transfer-encoding", "date", "retry-after",
        "server", "location", "user-agent",
        "webhook-id", "webhook-timestamp", "webhook-signature", "webhook-delivery",
        "from", "to", "subject", "message-id", "mime-version",
    ]
)  # fmt: skip
_KEPT_ANSWER_HEADERS = frozenset(
    [
        "content-type",
        "content-length",
        "date",
        "retry-after",
        "server",
        "location",
        "webhook-delivery",
    ]
)


class Excerpt(msgspec.Struct, frozen=True):
    """Text of what was sent and answered, as shown to a person."""

    target: str
    headers: dict[str, str]
    body: str
    status: int | None = None
    answer_headers: dict[str, str] = {}
    answer: str = ""


def redacted(shape: Outgoing, incoming: Incoming, private: PrivateWords | None) -> str:
    """JSON of an Excerpt: `shape` is what was sent, built anew from the masked lead.

    `private` are the words of the lead that was answered; None keeps nothing of the answer.
    """
    kept = in_full(shape, Incoming(incoming.status))
    if private:
        headers = {
            name: _clean(
                _without_query(text) if name.lower() == "location" else text,
                private,
                HEADER_CHARACTERS,
            )
            for name, text in incoming.headers.items()
            if name.lower() in _KEPT_ANSWER_HEADERS
        }
        text = _clean(incoming.text, private, ANSWER_CHARACTERS)
        more = len(incoming.text) - ANSWER_CHARACTERS
        answer = f"{text}\n… ({more} more)" if more > 0 else text
        kept = msgspec.structs.replace(kept, answer_headers=headers, answer=answer)
    elif incoming.text or incoming.headers:
        kept = msgspec.structs.replace(kept, answer=NOT_KEPT)
    return msgspec.json.encode(kept).decode()


def in_full(outgoing: Outgoing, incoming: Incoming) -> Excerpt:
    """What was sent and answered, word for word: of a lead that is made up, or masked."""
    return Excerpt(
        target=outgoing.target,
        headers=_kept(outgoing.headers),
        body=_cut(outgoing.body.decode(errors="replace"), REQUEST_CHARACTERS),
        status=incoming.status,
        answer_headers=_kept(incoming.headers),
        answer=_cut(incoming.text, ANSWER_CHARACTERS),
    )


def decode(text: str) -> Excerpt | None:
    """What `redacted` made; None for an attempt that kept nothing."""
    return msgspec.json.decode(text, type=Excerpt) if text else None


def digest(outgoing: Outgoing) -> str:
    """SHA-256 of the bytes that were sent."""
    return hashlib.sha256(outgoing.body).hexdigest()


def _clean(text: str, private: PrivateWords, most: int) -> str:
    """Its start without the lead's words, and without anything like an address or a number."""
    start = text[: most + _OVERLAP]
    clean = _NUMBER.sub(MASK, _EMAIL.sub(MASK, private.hidden_in(start)))
    # A mask may have made it shorter: then less is kept, and never what was read in part.
    return ((clean[:-_OVERLAP] or MASK) if len(start) < len(text) else clean)[:most]


def _without_query(url: str) -> str:
    """Nor the fragment: they carry what a form was filled with."""
    return re.split(r"[?#]", unquote_plus(url))[0]


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: text[:HEADER_CHARACTERS]
        for name, text in headers.items()
        if name.lower() in _KEPT_HEADERS
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… ({len(text) - most} more)"

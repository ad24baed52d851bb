"""What an attempt keeps of request and answer: enough to find a fault, nothing a person wrote."""

import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote_plus

import msgspec

from chat.interface import LeadPayload, private_texts
from crm_sync.connectors.base import Incoming, Outgoing

REQUEST_CHARACTERS = 8000
ANSWER_CHARACTERS = 2000
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


class Excerpt(msgspec.Struct, frozen=True):
    """Text of what was sent and answered, as shown to a person."""

    target: str
    headers: dict[str, str]
    body: str
    status: int | None = None
    answer_headers: dict[str, str] = {}
    answer: str = ""


def redacted(shape: Outgoing, incoming: Incoming, lead: LeadPayload) -> str:
    """JSON of an Excerpt: `shape` is what was sent, built anew from the masked lead."""
    private = _spellings(lead)
    headers = {
        name: _clean(_without_query(text) if name.lower() == "location" else text, private)
        for name, text in incoming.headers.items()
        if name.lower() in _KEPT_HEADERS
    }
    cleaned = Incoming(incoming.status, headers, _clean(incoming.text, private))
    return msgspec.json.encode(_excerpt(shape, cleaned)).decode()


def in_full(outgoing: Outgoing, incoming: Incoming) -> Excerpt:
    """Everything, for a lead that is made up."""
    return _excerpt(outgoing, incoming)


def decode(text: str) -> Excerpt | None:
    """What `redacted` made; None for an attempt that kept nothing."""
    return msgspec.json.decode(text, type=Excerpt) if text else None


def digest(outgoing: Outgoing) -> str:
    """SHA-256 of the bytes that were sent."""
    return hashlib.sha256(outgoing.body).hexdigest()


def clean_id(request_id: str, lead: LeadPayload) -> str:
    """The id that the CRM gave its answer, or '' where it tells something of the lead."""
    plain = request_id.lower()
    for private in private_texts(lead):
        digits = re.sub(r"\D", "", private)
        if len(private) > 2 and private.lower() in plain:
            return ""
        if len(digits) > 6 and digits[-7:] in re.sub(r"\D", "", plain):
            return ""
    return request_id


def _clean(text: str, private: Iterable[str]) -> str:
    """The text without the folded spellings, and without anything like an address or a number."""
    folded = _folded(text)
    for spelling in private:
        between = folded.split(spelling)
        if len(between) > 1:
            parts, at = [], 0
            for part in between:
                parts.append(text[at : at + len(part)])
                at += len(part) + len(spelling)
            text, folded = "•••".join(parts), "•••".join(between)
    return _NUMBER.sub("•••", _EMAIL.sub("•••", text))


def _folded(text: str) -> str:
    """The text without case, each character in its place: İ alone has a lower case of two."""
    return text.replace("İ", "i").lower().replace("ς", "\N{GREEK SMALL LETTER SIGMA}")


def _without_query(url: str) -> str:
    """Nor the fragment: they carry what a form was filled with."""
    return re.split(r"[?#]", unquote_plus(url))[0]


def _spellings(lead: LeadPayload) -> list[str]:
    """How an answer may repeat the lead: as it is, inside JSON, HTML or a URL, or line by line.

    Folded. Capitals are texts of their own: those of ß are two letters, and what JSON and URLs make
    of Ü is not what they make of ü.
    """
    found: list[str] = []
    for private in private_texts(lead):
        for text in (private, private.upper(), private.lower()):
            found += [
                text,
                html.escape(text),
                json.dumps(text)[1:-1],
                json.dumps(text, ensure_ascii=False)[1:-1],
                quote(text, safe=""),
                quote_plus(text),
            ]
            found += [line.strip() for line in text.splitlines() if len(line.strip()) > 2]
    return list(dict.fromkeys(_folded(spelling) for spelling in found))


def _excerpt(outgoing: Outgoing, incoming: Incoming) -> Excerpt:
    return Excerpt(
        target=outgoing.target,
        headers=_kept(outgoing.headers),
        body=_cut(outgoing.body.decode(errors="replace"), REQUEST_CHARACTERS),
        status=incoming.status,
        answer_headers=_kept(incoming.headers),
        answer=_cut(incoming.text, ANSWER_CHARACTERS),
    )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: text[:300] for name, text in headers.items() if name.lower() in _KEPT_HEADERS}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… ({len(text) - most} more)"

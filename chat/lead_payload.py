"""The canonical payload `lead/1`: what a lead says at one revision, the same for every CRM."""

import datetime
import re
import uuid
from typing import Literal

import msgspec
from msgspec import Struct

SCHEMA: Literal["lead/1"] = "lead/1"
PreferredContact = Literal["email", "phone"]
VehicleInterest = Literal["buy", "lease", "sell", "trade-in", "test-drive"]
VehicleStatus = Literal["new", "used"]


class CompanyPart(Struct, frozen=True):
    id: uuid.UUID
    name: str
    slug: str
    # IANA name: the zone in which the company reads times.
    time_zone: str
    vertical: str


class Contact(Struct, frozen=True):
    name: str
    # As written, and in E.164 (ITU-T) where the number names its country; '' where unknown.
    email: str = ""
    phone: str = ""
    phone_e164: str = ""
    preferred: Literal[""] | PreferredContact = ""


class Consent(Struct, frozen=True):
    """What the person agreed to, in the very words they were shown."""

    marketing: bool = False
    text: str = ""
    at: datetime.datetime | None = None


class Vehicle(Struct, frozen=True):
    interest: VehicleInterest = "buy"
    status: VehicleStatus = "new"
    year: str = ""
    make: str = ""
    model: str = ""
    trim: str = ""
    vin: str = ""
    stock: str = ""


class Page(Struct, frozen=True):
    """Where on the company's website the visitor was."""

    url: str = ""
    title: str = ""
    referrer: str = ""


class Agent(Struct, frozen=True):
    id: uuid.UUID
    name: str


class Line(Struct, frozen=True):
    """One message of the transcript; internal notes are never part of it."""

    seq: int
    at: datetime.datetime
    author_kind: str
    author: str
    text: str


class LeadPayload(Struct, frozen=True, kw_only=True):
    """One lead at one revision. `lead_id` is the idempotency key towards every CRM."""

    schema: Literal["lead/1"] = SCHEMA
    lead_id: uuid.UUID
    revision: int
    company: CompanyPart
    # Aware, UTC: when the lead was first captured, and this revision of it.
    captured_at: datetime.datetime
    revised_at: datetime.datetime
    source: str
    phase: str
    contact: Contact
    consent: Consent = Consent()
    interest: str = ""
    timeframe: str = ""
    notes: str = ""
    vehicle: Vehicle | None = None
    trade_in: Vehicle | None = None
    page: Page = Page()
    conversation_id: uuid.UUID | None = None
    agent: Agent | None = None
    transcript: tuple[Line, ...] = ()
    # A made-up lead that a person sends to try a connection.
    test: bool = False


def encode(payload: LeadPayload) -> str:
    return msgspec.json.encode(payload).decode()


def decode(text: str) -> LeadPayload:
    """Raises msgspec.ValidationError for anything but a payload that `encode` wrote."""
    return msgspec.json.decode(text, type=LeadPayload)


def masked(payload: LeadPayload) -> LeadPayload:
    """The same lead with everything a person wrote or is known by made unreadable.

    Lengths and presence stay visible, so that a stored excerpt still tells what was sent.
    """
    contact = payload.contact
    return msgspec.structs.replace(
        payload,
        contact=Contact(
            name=" ".join(_hide(part, 1) for part in contact.name.split()),
            email=_hide_email(contact.email),
            phone=_hide_digits(contact.phone),
            phone_e164=_hide_digits(contact.phone_e164),
            preferred=contact.preferred,
        ),
        interest=_count(payload.interest),
        timeframe=_count(payload.timeframe),
        notes=_count(payload.notes),
        trade_in=payload.trade_in
        and msgspec.structs.replace(payload.trade_in, vin=_hide(payload.trade_in.vin, 0)),
        page=Page(
            _count(payload.page.url), _count(payload.page.title), _count(payload.page.referrer)
        ),
        transcript=tuple(
            msgspec.structs.replace(line, author=line.author_kind, text=_count(line.text))
            for line in payload.transcript
        ),
    )


def private_texts(payload: LeadPayload) -> list[str]:
    """Every text of the lead that must not be kept in the clear, longest first."""
    contact = payload.contact
    addresses = (payload.page.url, payload.page.referrer)
    texts = {
        *addresses,
        *(re.split(r"[?#]", address)[0] for address in addresses),
        contact.name,
        *contact.name.split(),
        contact.email,
        contact.phone,
        contact.phone_e164,
        payload.interest,
        payload.timeframe,
        payload.notes,
        payload.page.title,
        payload.trade_in.vin if payload.trade_in else "",
        *(line.text for line in payload.transcript),
    }
    return sorted((text for text in texts if len(text) > 1), key=len, reverse=True)


def _hide(text: str, keep: int) -> str:
    return text[:keep] + "•" * min(len(text) - keep, 8) if text else ""


def _hide_email(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{_hide(local, 1)}{at}{_hide(domain, 1)}" if address else ""


def _hide_digits(number: str) -> str:
    return re.sub(r"\d(?=(?:\D*\d){2})", "•", number)


def _count(text: str) -> str:
    return f"({len(text)} characters)" if text else ""

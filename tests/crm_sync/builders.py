"""Leads and connections for the tests of CRM sync."""

import datetime
import uuid
from typing import Any

from chat.actions.leads import capture_offline
from chat.lead_payload import CompanyPart, Contact, LeadPayload, Line, Page, Vehicle
from crm_sync.actions import connections
from crm_sync.models import Connection
from tenants.actor import SYSTEM
from tenants.resolution import CompanyRef

NOON = datetime.datetime(2026, 11, 22, 14, 40, 7, 123456, tzinfo=datetime.UTC)


def lead(**changes: Any) -> LeadPayload:
    """A full lead of a car dealership; `changes` replace its parts."""
    parts: dict[str, Any] = {
        "lead_id": uuid.UUID("0198c0de-0000-7000-8000-000000000001"),
        "revision": 1,
        "company": CompanyPart(
            uuid.UUID("0198c0de-0000-7000-8000-0000000000aa"),
            "Acme Motors",
            "acme",
            "America/Chicago",
            "car_dealership",
        ),
        "captured_at": NOON,
        "revised_at": NOON,
        "source": "chat",
        "phase": "during",
        "contact": Contact(
            "Mia Visitor", "mia@visitors.example", "+1 202-555-0101", "+12025550101", "email"
        ),
        "interest": "A quiet estate",
        "timeframe": "this month",
        "notes": "Asks for a test drive on Saturday.",
        "vehicle": Vehicle("test-drive", "used", "2024", "Volvo", "V60", "Cross Country"),
        "trade_in": Vehicle("trade-in", "used", "2016", "Ford", "Focus", vin="1FADP3F20GL300001"),
        "page": Page("https://www.acme.example/v60", "Volvo V60"),
        "conversation_id": uuid.UUID("0198c0de-0000-7000-8000-0000000000bb"),
        "transcript": (
            Line(1, NOON, "visitor", "Mia Visitor", "Do you have a V60?"),
            Line(2, NOON, "agent", "Ana", "We do. Would you like to drive it?"),
        ),
    }
    return LeadPayload(**{**parts, **changes})


def webhook(company: CompanyRef, url: str, *, active: bool = True, **changes: Any) -> Connection:
    """A stored webhook connection, tested and active unless told otherwise."""
    return _connection(company, "webhook", {"url": url, "transcript": "yes"}, active, changes)


def adf(company: CompanyRef, *, active: bool = True, **values: str) -> Connection:
    """A stored ADF connection by e-mail."""
    settings = {
        "transport": "email",
        "target": "leads@store.crm.example",
        "vendor_name": "Acme Motors",
        "comments_limit": "4000",
        **values,
    }
    return _connection(company, "adf", settings, active, {})


def captured(company: CompanyRef, **fields: str) -> uuid.UUID:
    """A lead of the offline form, stored with its outbox row; its id. Runs inside the company."""
    return capture_offline(
        company=company,
        visitor_id=uuid.uuid4(),
        client_id=uuid.uuid4(),
        fields={"name": "Mia Visitor", "email": "mia@visitors.example", **fields},
    ).lead_id


def _connection(
    company: CompanyRef, kind: str, values: dict[str, str], active: bool, changes: dict[str, Any]
) -> Connection:
    connection = connections.create(
        company=company, actor=SYSTEM, connector=kind, name="", values=values
    )
    if active:
        connection.tested_at = NOON
        connection.state = Connection.State.ACTIVE
    for name, value in changes.items():
        setattr(connection, name, value)
    connection.save()
    return connection

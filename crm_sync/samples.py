"""The made-up lead that tries a connection."""

import datetime
import uuid

from chat.interface import CompanyPart, Consent, Contact, LeadPayload, Line, Page, Vehicle
from tenants.models import Company
from tenants.resolution import CompanyRef


def sample_lead(company: CompanyRef, now: datetime.datetime) -> LeadPayload:
    """A lead of nobody, marked as a test; its number is of the range kept for fiction."""
    cars = company.vertical == Company.Vertical.CAR_DEALERSHIP
    conversation = uuid.uuid4()
    return LeadPayload(
        lead_id=uuid.uuid4(),
        revision=1,
        company=CompanyPart(
            company.id, company.name, company.slug, company.time_zone, company.vertical
        ),
        captured_at=now,
        revised_at=now,
        source="chat",
        phase="during",
        contact=Contact(
            name="TEST Lead",
            email="test.lead@example.com",
            phone="+1 202-555-0143",
            phone_e164="+12025550143",
            preferred="email",
        ),
        consent=Consent(),
        interest="Trying the connection",
        notes="This is a test lead. Nobody waits for an answer.",
        vehicle=Vehicle(year="2027", make="Example", model="Roadster") if cars else None,
        trade_in=Vehicle("trade-in", "used", "2019", "Example", "Estate") if cars else None,
        page=Page("https://www.example.com/", "Example"),
        conversation_id=conversation,
        transcript=(
            Line(1, now, "visitor", "TEST Lead", "Hello, is this a test?"),
            Line(2, now, "agent", "Switchboard", "It is. Thank you for trying."),
        ),
        test=True,
    )

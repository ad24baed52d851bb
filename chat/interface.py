"""What other apps may ask of chat."""

from chat.actions.leads import LEAD_CAPTURED
from chat.lead_payload import (
    CompanyPart,
    Consent,
    Contact,
    LeadPayload,
    Line,
    Page,
    Vehicle,
    masked,
    private_texts,
)
from chat.queries.desk_lead import LeadAtDesk, lead_at_desk
from chat.queries.leads import captured_at as lead_captured_at
from chat.queries.leads import latest_revision as latest_lead_revision
from chat.queries.leads import payload as lead_payload

__all__ = [
    "LEAD_CAPTURED",
    "CompanyPart",
    "Consent",
    "Contact",
    "LeadAtDesk",
    "LeadPayload",
    "Line",
    "Page",
    "Vehicle",
    "latest_lead_revision",
    "lead_at_desk",
    "lead_captured_at",
    "lead_payload",
    "masked",
    "private_texts",
]

"""What other apps may ask of chat."""

from chat.lead_payload import LeadPayload, masked, private_texts
from chat.queries.leads import latest_revision as latest_lead_revision
from chat.queries.leads import payload as lead_payload

__all__ = [
    "LeadPayload",
    "latest_lead_revision",
    "lead_payload",
    "masked",
    "private_texts",
]

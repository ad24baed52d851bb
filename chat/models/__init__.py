from chat.models.branding import AllowedOrigin, Branding, WidgetSighting
from chat.models.canned_reply import CannedReply
from chat.models.conversation import Conversation
from chat.models.event import Event
from chat.models.lead import Lead, LeadRevision
from chat.models.office_hours import HoursException, OpenInterval
from chat.models.visitor import Visit, Visitor

__all__ = [
    "AllowedOrigin",
    "Branding",
    "CannedReply",
    "Conversation",
    "Event",
    "HoursException",
    "Lead",
    "LeadRevision",
    "OpenInterval",
    "Visit",
    "Visitor",
    "WidgetSighting",
]

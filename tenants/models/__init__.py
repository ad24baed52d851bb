from tenants.models.audit_event import AuditEvent, Verb
from tenants.models.company import Company, Domain, SpareSchema
from tenants.models.dead_task import DeadTask
from tenants.models.hand_off import HandOff
from tenants.models.invitation import Invitation
from tenants.models.membership import Membership, Role
from tenants.models.outbox_event import OutboxEvent
from tenants.models.user import User

__all__ = [
    "AuditEvent",
    "Company",
    "DeadTask",
    "Domain",
    "HandOff",
    "Invitation",
    "Membership",
    "OutboxEvent",
    "Role",
    "SpareSchema",
    "User",
    "Verb",
]

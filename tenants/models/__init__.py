from tenants.models.audit_event import AuditEvent, Verb
from tenants.models.company import Company, Domain, SpareSchema
from tenants.models.membership import Membership, Role
from tenants.models.outbox_event import OutboxEvent
from tenants.models.user import User

__all__ = [
    "AuditEvent",
    "Company",
    "Domain",
    "Membership",
    "OutboxEvent",
    "Role",
    "SpareSchema",
    "User",
    "Verb",
]

import dataclasses
import uuid

from tenants.models import AuditEvent, User


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: passed to every action, stored with every audit event."""

    kind: AuditEvent.ActorKind
    id: uuid.UUID | None = None

    @classmethod
    def person(cls, user: User) -> "Actor":
        return cls(AuditEvent.ActorKind.PERSON, user.pk)

    @classmethod
    def visitor(cls, visitor_id: uuid.UUID) -> "Actor":
        return cls(AuditEvent.ActorKind.VISITOR, visitor_id)


SYSTEM = Actor(AuditEvent.ActorKind.SYSTEM)

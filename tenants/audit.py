"""Writing the audit log: in the transaction of what it tells, ids and facts only."""

import uuid

from django.utils import timezone

from tenants.actor import Actor
from tenants.models import AuditEvent, Verb

Fact = str | int | bool | None


def record(
    *,
    company_id: uuid.UUID | None,
    actor: Actor,
    verb: Verb,
    target_kind: str,
    target_id: object,
    **facts: Fact,
) -> None:
    """Append one event to the chain of `company_id` (None: the platform's own chain).

    `facts` are ids, counts and states; a word that a person wrote has no place here. Call it last
    in its transaction: from here to the commit the chain is this transaction's alone, and a lock
    taken after it may meet one taken before it elsewhere.
    """
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                company_id=company_id,
                at=timezone.now(),
                actor_kind=actor.kind,
                actor_id=actor.id,
                verb=verb,
                target_kind=target_kind,
                target_id=str(target_id),
                facts=facts,
            )
        ]
    )

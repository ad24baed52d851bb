"""Publishing to the outbox: in the transaction of what happened."""

import datetime
import uuid

from django.db import transaction
from django.utils import timezone

from tenants.models import OutboxEvent

# A person may see or serve less of a company, or more: the object is the person.
ACCESS_CHANGED = "access.changed"
# A company is there: the object is the company.
COMPANY_CREATED = "company.created"


def publish(
    *,
    company_id: uuid.UUID,
    topic: str,
    object_id: object,
    available_at: datetime.datetime | None = None,
) -> None:
    """Store that `object_id` of a company has something to tell under `topic`.

    `available_at` (aware) keeps it back until then. The relay tells the tasks that
    config.event_routes names for the topic, at least once; it is woken when the caller's
    transaction commits, and a sweep repairs a lost wake-up.
    """
    OutboxEvent.objects.create(
        company_id=company_id,
        topic=topic,
        object_id=str(object_id),
        available_at=available_at or timezone.now(),
    )
    if available_at is None:
        transaction.on_commit(_wake_relay, robust=True)


def _wake_relay() -> None:
    from tenants.tasks import relay_outbox

    relay_outbox.delay()

"""Sending again what a person chooses: with the same idempotency key, counted and audited."""

import datetime
import uuid
from collections.abc import Collection

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from crm_sync import alarms, holds
from crm_sync.backoff import GIVE_UP_AFTER
from crm_sync.errors import NothingToReplay
from crm_sync.models import Connection, Delivery
from tenants import audit
from tenants.actor import Actor
from tenants.models import Verb
from tenants.resolution import CompanyRef

# What has ended, or waits for its next try; what is being sent or held goes by itself.
REPLAYABLE = [
    Delivery.State.DELIVERED,
    Delivery.State.DEAD_LETTER,
    Delivery.State.RETRY_SCHEDULED,
]
_MOST = 1000


def replay(*, company: CompanyRef, actor: Actor, delivery_ids: Collection[uuid.UUID]) -> int:
    """Send these again, as far as they have ended; how many. Raises NothingToReplay."""
    return _replay(company, actor, Delivery.objects.filter(pk__in=list(delivery_ids)[:_MOST]))


def replay_since(
    *, company: CompanyRef, actor: Actor, connection_id: uuid.UUID, since: datetime.datetime
) -> int:
    """Send again everything that was made for a connection since an aware time.

    Raises NothingToReplay.
    """
    chosen = Delivery.objects.filter(connection_id=connection_id, created_at__gte=since)
    return _replay(company, actor, chosen)


@transaction.atomic
def _replay(company: CompanyRef, actor: Actor, chosen: QuerySet[Delivery]) -> int:
    now = timezone.now()
    ids = chosen.values_list("connection_id", flat=True).distinct()
    # In one order, so that two people who replay at once do not wait for each other in a ring.
    connections = list(
        Connection.objects.select_for_update(no_key=True)
        .filter(pk__in=list(ids))
        .exclude(state=Connection.State.DRAFT)
        .order_by("pk")
    )
    counts: dict[uuid.UUID, int] = {}
    for connection in connections:
        count = chosen.filter(connection=connection, state__in=REPLAYABLE).update(
            state=Delivery.State.PENDING,
            reason="",
            steps={},
            attempts_counted=0,
            replays=F("replays") + 1,
            next_attempt_at=now,
            give_up_at=now + GIVE_UP_AFTER,
        )
        if not count:
            continue
        counts[connection.pk] = count
        holds.apply(connection, company, now)
        alarms.set_connection_alarm(company.id, connection.pk)
    if not counts:
        raise NothingToReplay
    # After every connection is done: the audit log comes last in a transaction.
    for connection_id, count in counts.items():
        audit.record(
            company_id=company.id,
            actor=actor,
            verb=Verb.DELIVERY_REPLAYED,
            target_kind="connection",
            target_id=connection_id,
            count=count,
        )
    return sum(counts.values())

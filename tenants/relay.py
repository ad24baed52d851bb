"""The outbox's other half: claims what is to be told, fairly per company, and tells it."""

import dataclasses
import datetime
import logging
import uuid
from collections.abc import Mapping, Sequence

import redis
from celery import current_app
from django.db import connection
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError

from tenants.context import in_public
from tenants.models import OutboxEvent

Routes = Mapping[str, Sequence[str]]

logger = logging.getLogger("switchboard.relay")

BATCH = 200
# A relay that died holds its events for this long, then another one tells them.
LEASE = datetime.timedelta(seconds=30)
# A topic without a route may be news to this process while a newer release is rolled out.
UNROUTED_ATTEMPTS = 10
_LONGEST_WAIT = 300

_CLAIM = """
WITH ranked AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY company_id ORDER BY available_at, id) AS turn
    FROM public.tenants_outboxevent
    WHERE done_at IS NULL AND dead_at IS NULL AND available_at <= %(now)s
        AND (leased_until IS NULL OR leased_until < %(now)s)
), chosen AS (
    SELECT event.id FROM public.tenants_outboxevent event JOIN ranked USING (id)
    WHERE event.done_at IS NULL AND event.dead_at IS NULL
        AND (event.leased_until IS NULL OR event.leased_until < %(now)s)
    ORDER BY ranked.turn, event.available_at, event.id
    LIMIT %(limit)s
    FOR UPDATE OF event SKIP LOCKED
)
UPDATE public.tenants_outboxevent event
SET leased_until = %(lease)s, attempts = attempts + 1
FROM chosen WHERE event.id = chosen.id
RETURNING event.id, event.company_id, event.topic, event.object_id, event.attempts
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    id: int
    company_id: uuid.UUID
    topic: str
    object_id: str
    attempts: int


def run(*, routes: Routes) -> int:
    """Tell everything that is due; return how many events were told.

    `routes` maps a topic to the names of the tasks that take `(company_id, object_id)`. An event
    is told at least once. Stops when the broker is gone and leaves the rest to the next run.
    """
    told = 0
    with in_public():
        while batch := claim(limit=BATCH, now=timezone.now()):
            done, rest = _tell(batch, routes)
            told += done
            if rest:
                _release(rest)
                break
            if len(batch) < BATCH:
                break
    return told


def claim(*, limit: int, now: datetime.datetime) -> list[Claimed]:
    """Lease up to `limit` due events to the caller, each company's first before any's second."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"now": now, "lease": now + LEASE, "limit": limit})
        return [Claimed(*row) for row in cursor.fetchall()]


def _tell(batch: list[Claimed], routes: Routes) -> tuple[int, list[int]]:
    """Return how many were told, and the ids that were not because the broker is gone."""
    done: list[int] = []
    for position, event in enumerate(batch):
        if event.topic not in routes:
            _put_off(event)
            continue
        try:
            for task in routes[event.topic]:
                current_app.send_task(
                    task, args=[str(event.company_id), event.object_id], retry=False
                )
        except (OperationalError, redis.RedisError, OSError):
            logger.warning("The broker is gone; the outbox waits.", extra={"topic": event.topic})
            _finish(done)
            return len(done), [left.id for left in batch[position:]]
        done.append(event.id)
    _finish(done)
    return len(done), []


def _finish(ids: list[int]) -> None:
    OutboxEvent.objects.filter(pk__in=ids).update(done_at=timezone.now(), leased_until=None)


def _release(ids: list[int]) -> None:
    OutboxEvent.objects.filter(pk__in=ids).update(leased_until=None, attempts=F("attempts") - 1)


def _put_off(event: Claimed) -> None:
    now = timezone.now()
    row = OutboxEvent.objects.filter(pk=event.id)
    if event.attempts >= UNROUTED_ATTEMPTS:
        logger.error("No route for a topic; the event is dead.", extra={"topic": event.topic})
        row.update(dead_at=now, leased_until=None)
        return
    wait = datetime.timedelta(seconds=min(2**event.attempts, _LONGEST_WAIT))
    row.update(available_at=now + wait, leased_until=None)

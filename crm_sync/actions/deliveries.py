"""Sending leads: one delivery at a time and connection, begun, sent and settled apart.

A claim and a settlement are short transactions under the connection's row lock; nothing is locked
while the CRM is talked to. A worker that dies leaves its lease behind, and the alarm set with the
lease wakes the next one.
"""

import dataclasses
import datetime
import random
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q
from django.utils import timezone

from chat.interface import LEAD_CAPTURED, latest_lead_revision, lead_payload, masked
from crm_sync import alarms, excerpts, holds, sending
from crm_sync.actions import settlement
from crm_sync.backoff import GIVE_UP_AFTER
from crm_sync.breaker import OPENS_AFTER
from crm_sync.connectors.base import Incoming, Outcome, Push, Result
from crm_sync.connectors.registry import connector_of
from crm_sync.models import Attempt, Connection, Delivery
from crm_sync.private_words import PrivateWords
from tenants.errors import NotFound
from tenants.resolution import CompanyRef

Clock = Callable[[], datetime.datetime]

# Name resolution and the two transactions come on top of the exchange's own deadline.
_LEASE_MARGIN_SECONDS = 15
# The task that writes a delivery wakes the one that sends it; this is for where that is lost.
_HINT_LOST = datetime.timedelta(seconds=10)
# After this long a connection goes to the back of the queue: others wait too.
_TURN_SECONDS = 5.0
# Its own alarm comes this much later, so that it takes no place from those it wakes.
_STEP_BACK = datetime.timedelta(seconds=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """A delivery this worker may send now; `lease_id` proves it."""

    delivery_id: uuid.UUID
    attempt_id: int
    lease_id: uuid.UUID
    connector: str
    settings: str
    credentials: str
    lead_id: uuid.UUID
    revision: int
    step: str
    resend: bool


def create_deliveries(*, company: CompanyRef, lead_id: uuid.UUID) -> list[uuid.UUID]:
    """Write a delivery of the lead's newest revision for each live connection.

    Returns the connections that have a new one: send over them now, or their alarms will have it
    done. Runs inside the company, any number of times.
    """
    now = timezone.now()
    with transaction.atomic():
        alarms.confirm(company.id, LEAD_CAPTURED, lead_id)
        try:
            revision = latest_lead_revision(lead_id)
        except NotFound:
            return []
        rows = Delivery.objects.filter(lead_id=lead_id, revision=revision)
        known = set(rows.values_list("connection_id", flat=True))
        live = Connection.objects.exclude(state=Connection.State.DRAFT).exclude(pk__in=known)
        made = Delivery.objects.bulk_create(
            [_new_delivery(connection, company, lead_id, revision, now) for connection in live],
            ignore_conflicts=True,
        )
        for delivery in made:
            alarms.set_connection_alarm(company.id, delivery.connection_id, at=now + _HINT_LOST)
        return [delivery.connection_id for delivery in made]


def send_due(
    *,
    company: CompanyRef,
    connection_id: uuid.UUID,
    clock: Clock = timezone.now,
    chance: Callable[[], float] = random.random,
) -> int:
    """Send what is due on a connection, one after the other; how many attempts were made.

    Returns at once where another worker is at it, which looks again before it leaves, and where
    the company sends as many as it may: ask `next_waiting` afterwards. Runs inside the company.
    """
    started = time.monotonic()
    attempts = 0
    while (claim := _claim(company, connection_id, clock, chance)) is not None:
        result, kept = _attempt(claim, clock)
        settlement.settle(
            company=company, claim=claim, result=result, kept=kept, now=clock(), chance=chance
        )
        attempts += 1
        if time.monotonic() - started > _TURN_SECONDS:
            alarms.set_connection_alarm(company.id, connection_id, at=clock() + _STEP_BACK)
            break
    return attempts


def next_waiting(*, after: uuid.UUID, clock: Clock = timezone.now) -> list[uuid.UUID]:
    """Whom to wake once the turn of `after` has ended: the connections that waited longest.

    As many as the company may send at once, `after` only where nobody else waits. Runs inside the
    company.
    """
    now = clock()
    busy = Delivery.objects.filter(state=Delivery.State.IN_PROGRESS).values("connection")
    due = (
        Delivery.objects.filter(state__in=holds.UNSENT, next_attempt_at__lte=now)
        .exclude(connection__in=busy)
        .exclude(connection__open_until__gt=now)
    )
    oldest_first = due.values("connection_id").annotate(oldest=Min("next_attempt_at"))
    waiting = [row["connection_id"] for row in oldest_first.order_by("oldest", "connection_id")]
    others = [connection_id for connection_id in waiting if connection_id != after]
    return others[: settings.DELIVERIES_AT_ONCE] or waiting


def idempotency_key(lead_id: uuid.UUID, revision: int) -> str:
    """The same for every attempt and replay of a revision, towards every CRM."""
    return f"lead_{lead_id.hex}_r{revision}"


def _new_delivery(
    connection: Connection,
    company: CompanyRef,
    lead_id: uuid.UUID,
    revision: int,
    now: datetime.datetime,
) -> Delivery:
    hold = holds.hold_of(connection, company, now)
    return Delivery(
        connection=connection,
        lead_id=lead_id,
        revision=revision,
        state=Delivery.State.HELD if hold else Delivery.State.PENDING,
        hold=hold or "",
        created_at=now,
        next_attempt_at=now,
        give_up_at=now + GIVE_UP_AFTER,
    )


@transaction.atomic
def _claim(
    company: CompanyRef, connection_id: uuid.UUID, clock: Clock, chance: Callable[[], float]
) -> Claim | None:
    """Lease the delivery that has been due for longest, None where there is none to send now."""
    connection = Connection.objects.select_for_update(no_key=True).filter(pk=connection_id).first()
    if connection is None:
        alarms.confirm(company.id, alarms.CONNECTION_DUE, connection_id)
        return None
    now = clock()
    under_way = Delivery.objects.filter(
        connection=connection, state=Delivery.State.IN_PROGRESS
    ).first()
    if under_way is not None and not _later(under_way.lease_until, now):
        settlement.abandon(under_way, now, chance)
        under_way = None
    hold = holds.apply(connection, company, now)
    # From here on there is one alarm at most: for the next moment at which something is due.
    alarms.confirm(company.id, alarms.CONNECTION_DUE, connection_id)
    claim = None
    wake_at = None
    if under_way is not None:
        wake_at = under_way.lease_until
    elif _later(connection.open_until, now):
        wake_at = connection.open_until
    elif hold is None:
        delivery = _next_due(connection, now)
        if delivery is None:
            wake_at = _next_moment(connection)
        elif taken_until := holds.slot_free_at(company, now):
            # Whoever ends first wakes it before (next_waiting).
            wake_at = taken_until
        else:
            claim = _lease(connection, delivery, now)
            wake_at = delivery.lease_until
    if wake_at is not None:
        alarms.set_connection_alarm(company.id, connection.pk, at=wake_at)
    return claim


def _later(at: datetime.datetime | None, now: datetime.datetime) -> bool:
    return at is not None and at > now


def _next_moment(connection: Connection) -> datetime.datetime | None:
    """When the next delivery that waits for its time is due."""
    waiting = Delivery.objects.filter(connection=connection, state__in=holds.UNSENT)
    at: datetime.datetime | None = waiting.aggregate(at=Min("next_attempt_at"))["at"]
    return at


def _next_due(connection: Connection, now: datetime.datetime) -> Delivery | None:
    """What has been due for longest, once those that a newer revision replaces are cancelled."""
    due = Q(state__in=holds.UNSENT, next_attempt_at__lte=now)
    if connection.failures >= OPENS_AFTER:
        due |= Q(state=Delivery.State.HELD, hold=Delivery.Hold.BREAKER_OPEN)
    rows = Delivery.objects.filter(due, connection=connection)
    newer = Delivery.objects.filter(
        connection=connection, lead_id=OuterRef("lead_id"), revision__gt=OuterRef("revision")
    )
    rows.filter(Exists(newer)).update(
        state=Delivery.State.CANCELLED, hold="", reason="A newer revision goes instead."
    )
    return rows.order_by("next_attempt_at", "created_at", "id").first()


def _lease(connection: Connection, delivery: Delivery, now: datetime.datetime) -> Claim:
    connector = connector_of(connection.connector)
    step = next(step for step in connector.steps if step not in delivery.steps)
    seconds = settings.DELIVERY_DEADLINE_SECONDS + _LEASE_MARGIN_SECONDS
    delivery.state = Delivery.State.IN_PROGRESS
    delivery.hold = ""
    delivery.attempts_made += 1
    delivery.lease_id = uuid.uuid4()
    delivery.lease_until = now + datetime.timedelta(seconds=seconds)
    delivery.save()
    attempt = Attempt.objects.create(
        delivery=delivery, number=delivery.attempts_made, step=step, started_at=now
    )
    delivered_before = Delivery.objects.filter(
        connection=connection,
        lead_id=delivery.lead_id,
        revision__lt=delivery.revision,
        state=Delivery.State.DELIVERED,
    )
    return Claim(
        delivery_id=delivery.pk,
        attempt_id=attempt.pk,
        lease_id=delivery.lease_id,
        connector=connection.connector,
        settings=connection.settings,
        credentials=connection.credentials,
        lead_id=delivery.lead_id,
        revision=delivery.revision,
        step=step,
        resend=delivery.replays > 0 or delivered_before.exists(),
    )


def _attempt(claim: Claim, clock: Clock) -> tuple[Result, settlement.Kept]:
    """Build, check and send; what may fail on our side comes before anything leaves."""
    began = time.monotonic()
    connector = connector_of(claim.connector)
    try:
        lead = lead_payload(claim.lead_id, claim.revision)
    except NotFound:
        return Result(Outcome.PERMANENT, "The lead was erased."), settlement.Kept()
    push = Push(
        lead=lead,
        step=claim.step,
        key=idempotency_key(claim.lead_id, claim.revision),
        at=clock(),
        resend=claim.resend,
    )
    outgoing = connector.build(push, claim.settings, claim.credentials)
    shape = connector.build(
        dataclasses.replace(push, lead=masked(lead)), claim.settings, claim.credentials
    )
    private = None
    problems = connector.problems(outgoing, push, claim.settings)
    if problems:
        incoming, result = Incoming(), Result(Outcome.PERMANENT, " ".join(problems))
    else:
        incoming, result = sending.send(connector, outgoing)
        if result.request_id or incoming.headers or incoming.text:
            private = PrivateWords.of(lead)
        if private is None or private.are_in(result.request_id):
            result = dataclasses.replace(result, request_id="")
    return result, settlement.Kept(
        latency_ms=round((time.monotonic() - began) * 1000),
        excerpt=excerpts.redacted(shape, incoming, private),
        payload_hash=excerpts.digest(outgoing),
    )

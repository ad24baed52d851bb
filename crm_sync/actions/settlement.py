"""What follows from an attempt: for the delivery, for the connection, for the rest that waits."""

import dataclasses
import datetime
import typing
import uuid
from collections.abc import Callable

from django.db import transaction

from crm_sync import backoff, breaker, holds
from crm_sync.connectors.base import Outcome, Result
from crm_sync.connectors.registry import connector_of
from crm_sync.models import Attempt, Connection, Delivery
from tenants import audit
from tenants.actor import SYSTEM
from tenants.models import Verb
from tenants.resolution import CompanyRef

Chance = Callable[[], float]
_DEFAULT_WAIT_SECONDS = 60.0
_DIED = Result(Outcome.AMBIGUOUS, "The worker that sent this died before the answer came.")


class Leased(typing.Protocol):
    """The part of a claim that settling needs."""

    @property
    def delivery_id(self) -> uuid.UUID: ...
    @property
    def attempt_id(self) -> int: ...
    @property
    def lease_id(self) -> uuid.UUID: ...
    @property
    def step(self) -> str: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """What the attempt's row keeps beside the result."""

    latency_ms: int = 0
    excerpt: str = ""
    payload_hash: str = ""


@transaction.atomic
def settle(
    *,
    company: CompanyRef,
    claim: Leased,
    result: Result,
    kept: Kept,
    now: datetime.datetime,
    chance: Chance,
) -> None:
    """Store how an attempt ended and move everything it touches, in one transaction.

    Where the lease was taken over meanwhile, only the attempt is stored.
    """
    connection = Connection.objects.select_for_update(no_key=True, of=("self",)).get(
        deliveries__pk=claim.delivery_id
    )
    _keep(Attempt.objects.get(pk=claim.attempt_id), result, kept)
    delivery = Delivery.objects.filter(
        pk=claim.delivery_id, state=Delivery.State.IN_PROGRESS, lease_id=claim.lease_id
    ).first()
    if delivery is not None:
        _move(company, connection, delivery, claim.step, result, now, chance)


def abandon(delivery: Delivery, now: datetime.datetime, chance: Chance) -> None:
    """Take a delivery back from a worker whose lease ended; the connection's row is locked."""
    Attempt.objects.filter(delivery=delivery, outcome="").update(
        outcome=_DIED.outcome, message=_DIED.message
    )
    # A dead worker says nothing about the CRM: the breaker stays as it is.
    _retry(delivery, _DIED, now, chance)
    delivery.save()


def _keep(attempt: Attempt, result: Result, kept: Kept) -> None:
    attempt.outcome = result.outcome
    attempt.status = result.status
    attempt.message = result.message[:300]
    attempt.request_id = result.request_id or None
    attempt.latency_ms = kept.latency_ms
    attempt.payload_hash = kept.payload_hash
    attempt.excerpt = kept.excerpt
    attempt.save()


def _move(
    company: CompanyRef,
    connection: Connection,
    delivery: Delivery,
    step: str,
    result: Result,
    now: datetime.datetime,
    chance: Chance,
) -> None:
    match result.outcome:
        case Outcome.SUCCESS | Outcome.DUPLICATE:
            _arrived(connection, delivery, step, result, now)
        case Outcome.RATE_LIMITED:
            _wait(connection, delivery, result, now)
        case Outcome.RETRYABLE | Outcome.AMBIGUOUS:
            _store_breaker(connection, holds.breaker_of(connection).after_failure(now), now)
            _retry(delivery, result, now, chance)
        case Outcome.AUTH:
            _stop(connection, Connection.State.REAUTH_REQUIRED, result.message)
            _leave(delivery, Delivery.State.HELD, result.message, Delivery.Hold.REAUTH_REQUIRED)
        case Outcome.GONE:
            _stop(connection, Connection.State.DISABLED, result.message)
            _leave(delivery, Delivery.State.HELD, result.message, Delivery.Hold.DISABLED)
        case Outcome.CONFIG | Outcome.PERMANENT:
            _leave(delivery, Delivery.State.DEAD_LETTER, result.message)
    delivery.save()
    connection.save()
    holds.apply(connection, company, now)
    if delivery.state == Delivery.State.DELIVERED:
        _tell_delivered(company, delivery)


def _arrived(
    connection: Connection,
    delivery: Delivery,
    step: str,
    result: Result,
    now: datetime.datetime,
) -> None:
    delivery.steps = {**delivery.steps, step: result.external_id}
    delivery.external_id = delivery.external_id or result.external_id
    connection.last_success_at = now
    _store_breaker(connection, breaker.CLOSED, now)
    if set(connector_of(connection.connector).steps) - set(delivery.steps):
        _leave(delivery, Delivery.State.PENDING, "")
        delivery.next_attempt_at = now
        return
    _leave(delivery, Delivery.State.DELIVERED, "")
    delivery.delivered_at = now


def _tell_delivered(company: CompanyRef, delivery: Delivery) -> None:
    audit.record(
        company_id=company.id,
        actor=SYSTEM,
        verb=Verb.LEAD_DELIVERED,
        target_kind="lead",
        target_id=delivery.lead_id,
        connection=str(delivery.connection_id),
        revision=delivery.revision,
        attempts=delivery.attempts_made,
    )


def _wait(
    connection: Connection,
    delivery: Delivery,
    result: Result,
    now: datetime.datetime,
) -> None:
    """As long as the CRM asks, for the whole connection; it costs no attempt, only time."""
    seconds = _DEFAULT_WAIT_SECONDS if result.retry_after is None else result.retry_after
    at = now + datetime.timedelta(seconds=seconds)
    if at > delivery.give_up_at:
        _leave(delivery, Delivery.State.DEAD_LETTER, "It asked to wait for more than three days.")
        return
    connection.open_until = at
    _leave(delivery, Delivery.State.RETRY_SCHEDULED, result.message)
    delivery.next_attempt_at = at


def _retry(
    delivery: Delivery,
    result: Result,
    now: datetime.datetime,
    chance: Chance,
) -> None:
    delivery.attempts_counted += 1
    seconds = backoff.delay_seconds(delivery.attempts_counted, chance)
    at = now + datetime.timedelta(seconds=seconds or 0)
    if seconds is None or at > delivery.give_up_at:
        _leave(delivery, Delivery.State.DEAD_LETTER, f"Given up. The last time: {result.message}")
        return
    _leave(delivery, Delivery.State.RETRY_SCHEDULED, result.message)
    delivery.next_attempt_at = at


def _store_breaker(connection: Connection, state: breaker.Breaker, now: datetime.datetime) -> None:
    connection.failures = state.failures
    connection.failing_since = state.failing_since
    connection.open_until = state.open_until
    connection.probe_seconds = state.probe_seconds
    if state.is_hopeless(now):
        _stop(connection, Connection.State.DISABLED, "It did not answer once in five days.")


def _stop(connection: Connection, state: Connection.State, reason: str) -> None:
    connection.state = state
    connection.state_reason = reason[:200]


def _leave(
    delivery: Delivery, state: Delivery.State, reason: str, hold: Delivery.Hold | None = None
) -> None:
    """Give up the lease for `state`."""
    delivery.state = state
    delivery.hold = hold or ""
    delivery.reason = reason[:300]
    delivery.lease_id = None
    delivery.lease_until = None

"""Linking a CRM: set up, try, switch on, pause, repair."""

import dataclasses
import uuid
from collections.abc import Mapping, Sequence

import msgspec
from django.db import transaction
from django.utils import timezone

from crm_sync import alarms, excerpts, holds, sending
from crm_sync.actions.deliveries import idempotency_key
from crm_sync.connectors.base import Incoming, Outcome, Outgoing, Push, Result
from crm_sync.connectors.registry import connector_of
from crm_sync.errors import BaaMissing, NotTested, SignsNothing
from crm_sync.models import Connection
from crm_sync.samples import sample_lead
from tenants import audit
from tenants.actor import Actor
from tenants.errors import Conflict, NotFound
from tenants.models import Verb
from tenants.resolution import CompanyRef


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """A test lead's fate, with what was sent and answered."""

    result: Result
    excerpt: excerpts.Excerpt


def create(
    *,
    company: CompanyRef,
    actor: Actor,
    connector: str,
    name: str,
    values: Mapping[str, str],
    baa_reference: str = "",
) -> Connection:
    """Store a draft; nothing is sent over it. Raises UnknownConnector and SettingsRefused."""
    kind = connector_of(connector)
    with transaction.atomic():
        connection = Connection.objects.create(
            connector=connector,
            name=" ".join(name.split())[:80] or kind.name,
            settings=_json(kind.parse(values)),
            credentials=_json(kind.first_credentials()),
            baa_reference=baa_reference.strip()[:120],
        )
        _audit(company, actor, connection, Verb.CONNECTION_CREATED)
    return connection


def change(
    *,
    company: CompanyRef,
    actor: Actor,
    connection_id: uuid.UUID,
    name: str,
    values: Mapping[str, str],
    baa_reference: str = "",
) -> Connection:
    """Store other settings; what waits is sent with them. Raises SettingsRefused."""
    with transaction.atomic():
        connection = _locked(connection_id)
        connection.settings = _json(connector_of(connection.connector).parse(values))
        connection.name = " ".join(name.split())[:80] or connection.name
        connection.baa_reference = baa_reference.strip()[:120]
        connection.save()
        holds.apply(connection, company, timezone.now())
        alarms.set_connection_alarm(company.id, connection.pk)
        _audit(company, actor, connection, Verb.CONNECTION_CHANGED, what="settings")
    return connection


def send_test_lead(*, company: CompanyRef, actor: Actor, connection_id: uuid.UUID) -> Trial:
    """Send a made-up lead, marked TEST, now and once; its success lets the connection go live."""
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        raise NotFound
    kind = connector_of(connection.connector)
    outgoing, problems = preview(company=company, connection=connection)
    if problems:
        incoming, result = Incoming(), Result(Outcome.CONFIG, " ".join(problems))
    else:
        incoming, result = sending.send(kind, outgoing)
    arrived = result.outcome in (Outcome.SUCCESS, Outcome.DUPLICATE)
    with transaction.atomic():
        connection = _locked(connection_id)
        if arrived:
            connection.tested_at = timezone.now()
            connection.save(update_fields=["tested_at", "updated_at"])
        _audit(company, actor, connection, Verb.CONNECTION_CHANGED, what="test", arrived=arrived)
    return Trial(result, excerpts.in_full(outgoing, incoming))


def preview(*, company: CompanyRef, connection: Connection) -> tuple[Outgoing, Sequence[str]]:
    """What would be sent for a made-up lead, and what the CRM would not understand of it."""
    kind = connector_of(connection.connector)
    lead = sample_lead(company, timezone.now())
    key = f"test_{idempotency_key(lead.lead_id, 1)}"
    push = Push(lead=lead, step=kind.steps[0], key=key, at=lead.captured_at)
    outgoing = kind.build(push, connection.settings, connection.credentials)
    return outgoing, kind.problems(outgoing, push, connection.settings)


def activate(*, company: CompanyRef, actor: Actor, connection_id: uuid.UUID) -> None:
    """Let leads go over the connection, those that waited first.

    Raises NotTested before a test lead has arrived and BaaMissing where health information would
    go without an agreement.
    """
    with transaction.atomic():
        connection = _locked(connection_id)
        if connection.tested_at is None:
            raise NotTested
        if holds.needs_baa(company) and not connection.baa_reference:
            raise BaaMissing
        _set_state(company, actor, connection, Connection.State.ACTIVE)


def pause(*, company: CompanyRef, actor: Actor, connection_id: uuid.UUID) -> None:
    """Hold what comes and what waits; nothing is lost. Raises Conflict unless it is active."""
    with transaction.atomic():
        connection = _locked(connection_id)
        if connection.state != Connection.State.ACTIVE:
            raise Conflict("Only an active connection can be paused.")
        _set_state(company, actor, connection, Connection.State.PAUSED)


def show_secrets(*, company: CompanyRef, actor: Actor, connection_id: uuid.UUID) -> list[str]:
    """The secrets that sign now, newest first, for the person who sets the receiver up.

    Raises SignsNothing.
    """
    with transaction.atomic():
        connection = _locked(connection_id)
        secrets = connector_of(connection.connector).signing_secrets(connection.credentials)
        if not secrets:
            raise SignsNothing
        _audit(company, actor, connection, Verb.CONNECTION_CHANGED, what="secret_shown")
    return secrets


def rotate_secret(*, company: CompanyRef, actor: Actor, connection_id: uuid.UUID) -> None:
    """Make a new signing secret; the old one signs along until dropped. Raises SignsNothing."""
    with transaction.atomic():
        connection = _locked(connection_id)
        kind = connector_of(connection.connector)
        connection.credentials = _json(kind.with_new_secret(connection.credentials))
        connection.save(update_fields=["credentials", "updated_at"])
        _audit(company, actor, connection, Verb.CONNECTION_CHANGED, what="secret_rotated")


def drop_old_secret(*, company: CompanyRef, actor: Actor, connection_id: uuid.UUID) -> None:
    """Sign with the new secret alone. Raises SignsNothing."""
    with transaction.atomic():
        connection = _locked(connection_id)
        kind = connector_of(connection.connector)
        connection.credentials = _json(kind.with_one_secret(connection.credentials))
        connection.save(update_fields=["credentials", "updated_at"])
        _audit(company, actor, connection, Verb.CONNECTION_CHANGED, what="old_secret_dropped")


def _set_state(
    company: CompanyRef, actor: Actor, connection: Connection, state: Connection.State
) -> None:
    connection.state = state
    connection.state_reason = ""
    if state == Connection.State.ACTIVE:
        connection.failures, connection.probe_seconds = 0, 0
        connection.failing_since = connection.open_until = None
    connection.save()
    holds.apply(connection, company, timezone.now())
    alarms.set_connection_alarm(company.id, connection.pk)
    _audit(company, actor, connection, Verb.CONNECTION_CHANGED, what="state", state=str(state))


def _locked(connection_id: uuid.UUID) -> Connection:
    connection = Connection.objects.select_for_update(no_key=True).filter(pk=connection_id).first()
    if connection is None:
        raise NotFound
    return connection


def _json(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values).decode()


def _audit(
    company: CompanyRef,
    actor: Actor,
    connection: Connection,
    verb: Verb,
    **facts: str | bool,
) -> None:
    audit.record(
        company_id=company.id,
        actor=actor,
        verb=verb,
        target_kind="connection",
        target_id=connection.pk,
        connector=connection.connector,
        **facts,
    )

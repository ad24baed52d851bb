"""Reading connections: their cards, and how each fares."""

import dataclasses
import datetime
import uuid

import msgspec
from django.db.models import Count, Min, Q, QuerySet

from crm_sync import holds
from crm_sync.connectors.base import Connector
from crm_sync.connectors.registry import connector_of
from crm_sync.models import Connection, Delivery
from tenants.errors import NotFound
from tenants.resolution import CompanyRef

_UNDELIVERED = [*holds.WAITING, Delivery.State.IN_PROGRESS]


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """How a connection fares; `oldest` is when the lead that has waited longest came in."""

    delivered: int
    waiting: int
    failed: int
    oldest: datetime.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    connection: Connection
    connector: Connector
    target: str
    health: Health
    needs_baa: bool


def cards(company: CompanyRef) -> list[Card]:
    """Every connection with its health, oldest first. Queries: 2."""
    health = _health(Delivery.objects.all())
    return [_card(row, company, health) for row in Connection.objects.all()]


def card(company: CompanyRef, connection_id: uuid.UUID) -> Card:
    """One of them. Raises NotFound. Queries: 2."""
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        raise NotFound
    return _card(connection, company, _health(connection.deliveries.all()))


def stored_settings(connection: Connection) -> dict[str, object]:
    """The connection's settings as its form shows them."""
    values: dict[str, object] = msgspec.json.decode(connection.settings)
    return values


def names() -> list[tuple[uuid.UUID, str]]:
    """Ids and names, for a choice. Queries: 1."""
    return list(Connection.objects.values_list("pk", "name"))


def _health(deliveries: QuerySet[Delivery]) -> dict[uuid.UUID, Health]:
    """How each connection fares that has any of them."""
    rows = deliveries.values_list("connection_id").annotate(
        delivered=Count("pk", filter=Q(state=Delivery.State.DELIVERED)),
        waiting=Count("pk", filter=Q(state__in=_UNDELIVERED)),
        failed=Count("pk", filter=Q(state=Delivery.State.DEAD_LETTER)),
        oldest=Min("created_at", filter=Q(state__in=_UNDELIVERED)),
    )
    return {connection_id: Health(*figures) for connection_id, *figures in rows}


def _card(connection: Connection, company: CompanyRef, health: dict[uuid.UUID, Health]) -> Card:
    settings = stored_settings(connection)
    return Card(
        connection=connection,
        connector=connector_of(connection.connector),
        target=str(settings.get("url") or settings.get("target") or ""),
        health=health.get(connection.pk, Health(0, 0, 0, None)),
        needs_baa=holds.needs_baa(company) and not connection.baa_reference,
    )

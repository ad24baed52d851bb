"""Reading the delivery log."""

import dataclasses
import datetime
import uuid

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from chat.interface import LEAD_CAPTURED
from crm_sync import alarms, excerpts
from crm_sync.actions.replays import REPLAYABLE
from crm_sync.models import Attempt, Delivery
from tenants.errors import NotFound
from tenants.resolution import CompanyRef

PAGE_SIZE = 50
_BADGES = {
    Delivery.State.DELIVERED: "ok",
    Delivery.State.DEAD_LETTER: "bad",
    Delivery.State.HELD: "warn",
    Delivery.State.RETRY_SCHEDULED: "warn",
    Delivery.State.IN_PROGRESS: "info",
    Delivery.State.PENDING: "info",
}
# The four things that an agent can know of a lead's way.
_LABELS = {
    Delivery.State.PENDING: "On its way",
    Delivery.State.IN_PROGRESS: "On its way",
    Delivery.State.RETRY_SCHEDULED: "Not yet, will be retried",
    Delivery.State.HELD: "Not yet, will be retried",
    Delivery.State.DELIVERED: "Delivered",
    Delivery.State.DEAD_LETTER: "Not delivered",
}
_SETTLED = (Delivery.State.DELIVERED, Delivery.State.DEAD_LETTER)


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """What the log shows; None and '' mean all. `since` is aware."""

    lead_id: uuid.UUID | None = None
    connection_id: uuid.UUID | None = None
    state: str = ""
    since: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log; `why` is empty where nothing needs a word."""

    delivery: Delivery
    badge: str
    why: str
    may_replay: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Chip:
    """How far one delivery has come, for people who do not look after the CRM."""

    label: str
    kind: str
    connection: str


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """How far a lead has come; `is_settled` once nothing more happens by itself."""

    chips: list[Chip]
    is_settled: bool


@dataclasses.dataclass(frozen=True, slots=True)
class AttemptView:
    attempt: Attempt
    excerpt: excerpts.Excerpt | None
    badge: str


def page(wanted: Filter, number: str | None) -> Page[Entry]:
    """The newest first. Queries: 2."""
    found = Paginator(_newest_first(wanted), PAGE_SIZE).get_page(number)
    shown = [_entry(delivery) for delivery in found.object_list]
    return Page(shown, found.number, found.paginator)  # type: ignore[arg-type]  # counts stay


def newest(wanted: Filter, count: int) -> list[Entry]:
    """As many of them as there are, up to `count`. Queries: 1."""
    return [_entry(delivery) for delivery in _newest_first(wanted)[:count]]


def entry(delivery_id: uuid.UUID) -> Entry:
    """One delivery. Raises NotFound. Queries: 1."""
    delivery = Delivery.objects.select_related("connection").filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound
    return _entry(delivery)


def way_of(company: CompanyRef, lead_id: uuid.UUID, revision: int) -> Way:
    """How far a revision of a lead has come. Runs inside the company. Queries: 2."""
    # Asked first: whoever confirms the alarm has written the deliveries.
    is_new = alarms.is_set(company.id, LEAD_CAPTURED, lead_id)
    rows = list(
        Delivery.objects.filter(lead_id=lead_id, revision=revision)
        .exclude(state=Delivery.State.CANCELLED)
        .select_related("connection")
        .order_by("connection__name", "pk")
    )
    chips = [_chip(Delivery.State(row.state), row.connection.name) for row in rows]
    if is_new and not chips:
        chips = [_chip(Delivery.State.PENDING, "")]
    return Way(chips, not is_new and all(row.state in _SETTLED for row in rows))


def attempts(delivery_id: uuid.UUID) -> list[AttemptView]:
    """Its attempts, the newest first. Queries: 1."""
    rows = Attempt.objects.filter(delivery_id=delivery_id).order_by("-number")
    return [
        AttemptView(
            row,
            excerpts.decode(row.excerpt),
            "ok" if row.outcome in ("success", "duplicate") else "bad" if row.outcome else "info",
        )
        for row in rows
    ]


def _newest_first(wanted: Filter) -> QuerySet[Delivery]:
    rows = Delivery.objects.select_related("connection").order_by("-created_at", "pk")
    if wanted.lead_id is not None:
        rows = rows.filter(lead_id=wanted.lead_id)
    if wanted.connection_id is not None:
        rows = rows.filter(connection_id=wanted.connection_id)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.since is not None:
        rows = rows.filter(created_at__gte=wanted.since)
    return rows


def _chip(state: Delivery.State, connection: str) -> Chip:
    return Chip(_LABELS[state], _BADGES[state], connection)


def _entry(delivery: Delivery) -> Entry:
    return Entry(
        delivery=delivery,
        badge=_BADGES.get(Delivery.State(delivery.state), ""),
        why=delivery.get_hold_display() if delivery.hold else delivery.reason,
        may_replay=delivery.state in REPLAYABLE,
    )

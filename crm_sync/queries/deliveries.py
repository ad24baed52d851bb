"""Reading the delivery log."""

import dataclasses
import datetime
import uuid

from django.core.paginator import Page, Paginator

from crm_sync import excerpts
from crm_sync.actions.replays import REPLAYABLE
from crm_sync.models import Attempt, Delivery
from tenants.errors import NotFound

PAGE_SIZE = 50
_BADGES = {
    Delivery.State.DELIVERED: "ok",
    Delivery.State.DEAD_LETTER: "bad",
    Delivery.State.HELD: "warn",
    Delivery.State.RETRY_SCHEDULED: "warn",
    Delivery.State.IN_PROGRESS: "info",
    Delivery.State.PENDING: "info",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """What the log shows; None and '' mean all. `since` is aware."""

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
class AttemptView:
    attempt: Attempt
    excerpt: excerpts.Excerpt | None
    badge: str


def page(wanted: Filter, number: str | None) -> Page[Entry]:
    """The newest first. Queries: 2."""
    rows = Delivery.objects.select_related("connection").order_by("-created_at", "pk")
    if wanted.connection_id is not None:
        rows = rows.filter(connection_id=wanted.connection_id)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.since is not None:
        rows = rows.filter(created_at__gte=wanted.since)
    found = Paginator(rows, PAGE_SIZE).get_page(number)
    shown = [_entry(delivery) for delivery in found.object_list]
    return Page(shown, found.number, found.paginator)  # type: ignore[arg-type]  # counts stay


def entry(delivery_id: uuid.UUID) -> Entry:
    """One delivery. Raises NotFound. Queries: 1."""
    delivery = Delivery.objects.select_related("connection").filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound
    return _entry(delivery)


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


def _entry(delivery: Delivery) -> Entry:
    return Entry(
        delivery=delivery,
        badge=_BADGES.get(Delivery.State(delivery.state), ""),
        why=delivery.get_hold_display() if delivery.hold else delivery.reason,
        may_replay=delivery.state in REPLAYABLE,
    )

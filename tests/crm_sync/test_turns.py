"""A company's connections take turns at the few places that it has."""

import datetime
import uuid
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from crm_sync import tasks
from crm_sync.actions import deliveries, settlement
from crm_sync.actions.deliveries import create_deliveries, send_due
from crm_sync.connectors.base import Outcome, Result
from crm_sync.models import Delivery
from tenants.context import in_company
from tests.broker import Queue
from tests.crm_sync import builders
from tests.crm_sync.lead_desk import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue() -> Iterator[Queue]:
    made = Queue("delivery")
    yield made
    made.clear()


def taken(queue: Queue) -> list[uuid.UUID]:
    """The connections that were woken since, in order."""
    woken = [uuid.UUID(arguments[1]) for _, arguments in queue.tasks()]
    queue.clear()
    return woken


def test_a_company_sends_two_at_once_and_whoever_ends_lets_the_next_one_in(
    desk: Desk, settings: Settings
) -> None:
    settings.DELIVERIES_AT_ONCE = 2
    acme, own = desk.cast.acme, desk.connection.pk
    links = [desk.connection, *(builders.webhook(acme, desk.crm.url) for _ in range(3))]
    desk.lead()
    claims = [
        deliveries._claim(acme, link.pk, lambda: desk.now, lambda: 0.5) for link in links[1:3]
    ]
    assert None not in claims
    # The end of a lease, for where its worker dies.
    lease_end = desk.now + datetime.timedelta(seconds=1 + 15)
    assert desk.send() == 0
    assert desk.alarms() == [lease_end]
    waiting = deliveries.next_waiting(after=links[1].pk, clock=lambda: desk.now)
    assert set(waiting) == {own, links[3].pk}
    # The other company has places of its own.
    with in_company(desk.cast.initech):
        other = builders.webhook(desk.cast.initech, desk.crm.url)
        create_deliveries(company=desk.cast.initech, lead_id=builders.captured(desk.cast.initech))
        assert send_due(company=desk.cast.initech, connection_id=other.pk) == 1
    assert claims[0] is not None
    settlement.settle(
        company=acme,
        claim=claims[0],
        result=Result(Outcome.SUCCESS, "Accepted."),
        kept=settlement.Kept(),
        now=desk.now,
        chance=lambda: 0.5,
    )
    assert desk.send() == 1
    assert deliveries.next_waiting(after=own, clock=lambda: desk.now) == [links[3].pk]
    desk.connection = links[3]
    assert desk.send() == 1
    assert deliveries.next_waiting(after=links[3].pk, clock=lambda: desk.now) == []


def test_a_connection_whose_crm_is_left_alone_is_not_woken_before_its_time(desk: Desk) -> None:
    acme, own = desk.cast.acme, desk.connection.pk
    resting, ready = (builders.webhook(acme, desk.crm.url) for _ in range(2))
    desk.lead()
    resting.open_until = desk.now + datetime.timedelta(minutes=1)
    resting.save()

    def woken(after: float) -> set[uuid.UUID]:
        at = desk.now + datetime.timedelta(seconds=after)
        return set(deliveries.next_waiting(after=own, clock=lambda: at))

    assert woken(0) == woken(59) == {ready.pk}
    assert woken(60) == {resting.pk, ready.pk}


def test_a_turn_that_ends_with_a_backlog_wakes_others_and_itself_where_nobody_waits(
    desk: Desk, queue: Queue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DELIVERIES_AT_ONCE = 2
    # Each turn is over after one lead.
    monkeypatch.setattr(deliveries, "_TURN_SECONDS", 0.0)
    acme, own = desk.cast.acme, desk.connection.pk

    def turn(connection_id: uuid.UUID) -> list[uuid.UUID]:
        tasks.send_due(str(acme.id), str(connection_id))
        return taken(queue)

    for _ in range(2):
        desk.lead()
    others = []
    for _ in range(3):
        others.append(builders.webhook(acme, desk.crm.url).pk)
        desk.lead()
    assert turn(own) == others[:2]
    # Those two together, then the one that waits again.
    assert turn(others[0]) == [own, others[1]]
    assert turn(others[1]) == [own, others[0]]
    Delivery.objects.exclude(connection=own).delete()
    assert [turn(own) for _ in range(5)] == [[own], [own], [own], [], []]
    assert len(desk.ids) == 7


def test_a_turn_that_ends_leaves_its_alarm_behind_those_that_it_wakes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_TURN_SECONDS", 0.0)
    for _ in range(2):
        desk.lead()
    for _ in range(2):
        assert desk.send(after=1) == 1
        lease_end = desk.now + datetime.timedelta(seconds=1 + 15)
        assert desk.alarms() == [desk.now + datetime.timedelta(seconds=1), lease_end]
    assert desk.send(after=1) == 0
    assert desk.alarms() == []

"""The way of a lead through the real outbox, broker and worker."""

import contextlib
import datetime
import uuid
from collections import Counter
from pathlib import Path

import pytest
from django.db.models import F

from crm_sync import alarms
from crm_sync.models import Delivery
from tenants.context import in_company
from tenants.models import Company, OutboxEvent
from tests.cast import Cast
from tests.crm_sync import builders, doubles
from tests.crm_sync.doubles import HttpDouble
from tests.servers import Worker
from tests.waiting import until

pytestmark = pytest.mark.real_commits
LEADS = 30
WITHIN_SECONDS = 90


def test_killed_in_mid_push_the_worker_loses_nothing_and_doubles_nothing(
    cast: Cast, crm: HttpDouble, logs: Path
) -> None:
    soon = doubles.slowly(0.04)
    crm.answers = [*[soon] * 8, doubles.hang(5), soon]
    with in_company(cast.acme):
        builders.webhook(cast.acme, crm.url)
        ids = {builders.captured(cast.acme) for _ in range(LEADS)}
    environment = {"DELIVERY_DEADLINE_SECONDS": "1"}
    first = Worker(log=logs / "worker.log", environment=environment).start()
    try:
        until(lambda: len(crm.received) > 8, seconds=WITHIN_SECONDS)
    finally:
        first.kill()
    under_way = crm.received[8].headers["webhook-id"]
    assert len(crm.received) < LEADS
    _half_a_minute_passes(cast)
    second = Worker(log=logs / "worker.log", environment=environment).start()
    try:
        until(lambda: _delivered(cast) == LEADS, seconds=WITHIN_SECONDS)
    finally:
        second.kill()
    requests = Counter(received.headers["webhook-id"] for received in crm.received)
    assert set(requests) == {f"lead_{lead_id.hex}_r1" for lead_id in ids}
    # Only what was under way when the worker died goes twice, with the same id.
    assert {key for key, count in requests.items() if count > 1} == {under_way}
    assert sum(requests.values()) == LEADS + 1
    with in_company(cast.acme):
        assert Delivery.objects.count() == LEADS


def test_one_company_s_silent_crms_hold_up_no_other_company(
    cast: Cast, crm: HttpDouble, logs: Path
) -> None:
    with doubles.http_double() as silent, contextlib.ExitStack() as running:
        silent.answers = [doubles.hang(300)]
        with in_company(cast.acme):
            for _ in range(8):
                builders.webhook(cast.acme, silent.url)
            builders.captured(cast.acme)
        with in_company(cast.initech):
            builders.webhook(cast.initech, crm.url)
        log = logs / "worker.log"
        for worker in (
            Worker(log=log, queues="interactive,default"),
            Worker(log=log, queues="delivery", concurrency=3, beat=False),
        ):
            # Longer than the test: what is under way then stays so.
            worker.environment = {"DELIVERY_DEADLINE_SECONDS": "300"}
            running.callback(worker.kill)
            worker.start()
        until(lambda: len(silent.received) == 2, seconds=WITHIN_SECONDS)
        with in_company(cast.initech):
            builders.captured(cast.initech)
        until(lambda: len(crm.received) == 1, seconds=45)
        assert len(silent.received) == 2
        with in_company(cast.acme):
            states = Counter(Delivery.objects.values_list("state", flat=True))
    assert states == {"in_progress": 2, "pending": 6}


def test_an_alarm_whose_message_is_lost_is_told_again_until_it_is_confirmed(cast: Cast) -> None:
    with in_company(cast.acme):
        connection = builders.webhook(cast.acme, "https://hooks.example/")
        alarms.set_connection_alarm(cast.acme.id, connection.pk)
        row = OutboxEvent.objects.filter(topic=alarms.CONNECTION_DUE)
        told = row.get().created_at
        # The relay told it, the broker lost it.
        row.update(done_at=told, attempts=1)
        assert alarms.tell_unconfirmed_again(told + _seconds(29)) == 0
        assert alarms.tell_unconfirmed_again(told + _seconds(31)) == 1
        assert row.get().done_at is None
        row.update(done_at=told, attempts=2)
        assert alarms.tell_unconfirmed_again(told + _seconds(59)) == 0
        assert alarms.tell_unconfirmed_again(told + _seconds(61)) == 1
        row.update(done_at=told)
        alarms.confirm(cast.acme.id, alarms.CONNECTION_DUE, uuid.uuid4())
        alarms.confirm(cast.initech.id, alarms.CONNECTION_DUE, connection.pk)
        assert row.count() == 1
        alarms.confirm(cast.acme.id, alarms.CONNECTION_DUE, connection.pk)
        assert row.count() == 0


def test_other_topics_and_suspended_companies_are_left_alone(cast: Cast) -> None:
    long_ago = builders.NOON
    for company, topic in (
        (cast.acme, "something.else"),
        (cast.initech, alarms.CONNECTION_DUE),
    ):
        OutboxEvent.objects.create(
            company_id=company.id, topic=topic, object_id="x", done_at=long_ago, attempts=1
        )
    suspended = Company.objects.filter(pk=cast.initech.id)
    suspended.update(state=Company.State.SUSPENDED)
    told = alarms.tell_unconfirmed_again(long_ago + _seconds(86400))
    suspended.update(state=Company.State.ACTIVE)
    assert told == 0
    assert alarms.tell_unconfirmed_again(long_ago + _seconds(86400)) == 1


def _half_a_minute_passes(cast: Cast) -> None:
    """For what a dead worker left behind: leases end, and what was told and not heard is old."""
    ago = _seconds(30)
    OutboxEvent.objects.update(
        available_at=F("available_at") - ago,
        done_at=F("done_at") - ago,
        leased_until=F("leased_until") - ago,
    )
    with in_company(cast.acme):
        Delivery.objects.filter(state=Delivery.State.IN_PROGRESS).update(
            lease_until=F("lease_until") - ago
        )


def _delivered(cast: Cast) -> int:
    with in_company(cast.acme):
        return Delivery.objects.filter(state=Delivery.State.DELIVERED).count()


def _seconds(count: int) -> datetime.timedelta:
    return datetime.timedelta(seconds=count)

"""The way of a lead through the real outbox, broker and worker."""

import contextlib
import datetime
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_sync import alarms
from crm_sync.models import Delivery
from tenants.context import in_company
from tenants.models import Company, OutboxEvent
from tests.cast import Cast
from tests.crm_sync import builders, doubles
from tests.crm_sync.doubles import HttpDouble
from tests.servers import Worker

pytestmark = pytest.mark.real_commits
LEADS = 30
WITHIN_SECONDS = 90


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.1)


def test_killed_in_mid_push_the_worker_loses_nothing_and_doubles_nothing(
    cast: Cast, crm: HttpDouble, logs: Path
) -> None:
    crm.answers = [doubles.slowly(0.04)]
    with in_company(cast.acme):
        builders.webhook(cast.acme, crm.url)
        ids = {builders.captured(cast.acme) for _ in range(LEADS)}
    environment = {"DELIVERY_DEADLINE_SECONDS": "1"}
    first = Worker(log=logs / "worker.log", environment=environment).start()
    try:
        _wait(lambda: len(crm.received) >= 8, WITHIN_SECONDS)
    finally:
        first.kill()
    assert len(crm.received) < LEADS
    second = Worker(log=logs / "worker.log", environment=environment).start()
    try:
        _wait(lambda: _delivered(cast) == LEADS, WITHIN_SECONDS)
    finally:
        second.kill()
    requests = Counter(received.headers["webhook-id"] for received in crm.received)
    assert set(requests) == {f"lead_{lead_id.hex}_r1" for lead_id in ids}
    # Only what was under way when the worker died may have gone twice, with the same id.
    assert sum(requests.values()) <= LEADS + 1
    with in_company(cast.acme):
        assert Delivery.objects.count() == LEADS


def test_one_company_s_silent_crms_hold_up_no_other_company(
    cast: Cast, crm: HttpDouble, logs: Path
) -> None:
    with doubles.http_double() as silent, contextlib.ExitStack() as running:
        silent.answers = [doubles.hang(60)]
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
            worker.environment = {"DELIVERY_DEADLINE_SECONDS": "120"}
            running.callback(worker.kill)
            worker.start()
        _wait(lambda: len(silent.received) == 2, WITHIN_SECONDS)
        with in_company(cast.initech):
            builders.captured(cast.initech)
        _wait(lambda: len(crm.received) == 1, 45)
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


def _delivered(cast: Cast) -> int:
    with in_company(cast.acme):
        return Delivery.objects.filter(state=Delivery.State.DELIVERED).count()


def _seconds(count: int) -> datetime.timedelta:
    return datetime.timedelta(seconds=count)

"""The outbox is told at least once, fairly, and never lost to a broker."""

import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from tenants import outbox, relay, tidying
from tenants.context import in_company
from tenants.models import OutboxEvent
from tenants.resolution import CompanyRef
from tests.broker import Queue
from tests.cast import Cast
from tests.tenants.test_company_task import broker_gone  # noqa: F401

ROUTES = {"thing.happened": ("tests.first", "tests.second")}


@pytest.fixture
def queue() -> Iterator[Queue]:
    made = Queue(settings.CELERY_TASK_DEFAULT_QUEUE)
    yield made
    made.clear()


def publish(company: CompanyRef, object_id: object, topic: str = "thing.happened") -> None:
    outbox.publish(company_id=company.id, topic=topic, object_id=object_id)


@pytest.mark.django_db
def test_an_event_is_told_once_to_every_task_of_its_topic(cast: Cast, queue: Queue) -> None:
    with in_company(cast.acme):
        publish(cast.acme, "7")
        assert relay.run(routes=ROUTES) == 1
        assert relay.run(routes=ROUTES) == 0
    company_id = str(cast.acme.id)
    assert sorted(queue.tasks()) == [
        ("tests.first", [company_id, "7"]),
        ("tests.second", [company_id, "7"]),
    ]
    event = OutboxEvent.objects.get()
    assert event.done_at is not None
    assert (event.attempts, event.leased_until, event.dead_at) == (1, None, None)


@pytest.mark.django_db
def test_an_event_kept_back_waits_for_its_time(cast: Cast, queue: Queue) -> None:
    later = timezone.now() + datetime.timedelta(hours=1)
    outbox.publish(company_id=cast.acme.id, topic="thing.happened", object_id=1, available_at=later)
    assert relay.run(routes=ROUTES) == 0
    assert relay.claim(limit=5, now=later - datetime.timedelta(seconds=1)) == []
    assert len(relay.claim(limit=5, now=later + datetime.timedelta(seconds=1))) == 1


@pytest.mark.django_db
def test_a_company_with_much_to_tell_keeps_nobody_waiting(cast: Cast) -> None:
    for n in range(20):
        publish(cast.initech, n)
    publish(cast.acme, "a")
    publish(cast.globex, "g")
    claimed = relay.claim(limit=4, now=timezone.now())
    by_company = sorted(event.company_id for event in claimed)
    assert by_company == sorted([cast.acme.id, cast.globex.id, cast.initech.id, cast.initech.id])


@pytest.mark.django_db
def test_a_relay_that_died_loses_nothing(cast: Cast) -> None:
    publish(cast.acme, "7")
    now = timezone.now()
    assert len(relay.claim(limit=5, now=now)) == 1
    assert relay.claim(limit=5, now=now + relay.LEASE / 2) == []
    (again,) = relay.claim(limit=5, now=now + relay.LEASE * 1.01)
    assert (again.object_id, again.attempts) == ("7", 2)


@pytest.mark.django_db
def test_a_lost_broker_leaves_the_event_for_the_next_run(
    cast: Cast, queue: Queue, request: pytest.FixtureRequest
) -> None:
    publish(cast.acme, "7")
    publish(cast.globex, "8")
    request.getfixturevalue("broker_gone")
    assert relay.run(routes=ROUTES) == 0
    left = OutboxEvent.objects.values_list("attempts", "leased_until", "done_at", "dead_at")
    assert list(left) == [(0, None, None, None)] * 2


@pytest.mark.django_db
def test_a_topic_without_a_route_is_put_off_and_dies_in_the_end(cast: Cast) -> None:
    publish(cast.acme, "7", topic="of.a.newer.release")
    relay.run(routes=ROUTES)
    event = OutboxEvent.objects.get()
    assert event.available_at > timezone.now() + datetime.timedelta(seconds=1)
    assert (event.attempts, event.dead_at) == (1, None)

    OutboxEvent.objects.update(available_at=timezone.now(), attempts=relay.UNROUTED_ATTEMPTS - 1)
    assert relay.run(routes=ROUTES) == 0
    event.refresh_from_db()
    assert event.dead_at is not None
    OutboxEvent.objects.update(available_at=timezone.now())
    assert relay.claim(limit=5, now=timezone.now() + relay.LEASE * 2) == []


@pytest.mark.django_db
def test_only_events_told_long_ago_are_purged(cast: Cast) -> None:
    for n in range(3):
        publish(cast.acme, n)
    long_ago = timezone.now() - datetime.timedelta(days=8)
    OutboxEvent.objects.filter(object_id="0").update(done_at=long_ago)
    OutboxEvent.objects.filter(object_id="1").update(done_at=timezone.now())
    assert tidying.purge_told_events() == 1
    assert set(OutboxEvent.objects.values_list("object_id", flat=True)) == {"1", "2"}


@pytest.mark.real_commits
def test_two_relays_at_once_tell_nothing_twice(cast: Cast, queue: Queue) -> None:
    for n in range(60):
        publish((cast.acme, cast.globex)[n % 2], n)
    queue.clear()

    def one_relay(_: int) -> int:
        try:
            return relay.run(routes={"thing.happened": ("tests.first",)})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = sum(pool.map(one_relay, range(4)))
    # A relay that finds every row locked leaves the rest to the next.
    told += relay.run(routes={"thing.happened": ("tests.first",)})
    assert told == 60
    assert sorted(int(args[1]) for _, args in queue.tasks()) == list(range(60))


@pytest.mark.real_commits
def test_the_relay_is_woken_by_the_commit_and_not_before(cast: Cast) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    interactive = f"{settings.REDIS_PREFIX}:interactive"
    client.delete(interactive)
    with transaction.atomic():
        publish(cast.acme, "7")
        assert client.llen(interactive) == 0
    assert client.llen(interactive) == 1
    client.delete(interactive)
    with transaction.atomic():
        publish(cast.acme, "8")
        transaction.set_rollback(True)
    assert client.llen(interactive) == 0
    assert OutboxEvent.objects.count() == 1


def test_every_route_names_a_task_that_exists() -> None:
    from config.event_routes import EVENT_ROUTES

    current_app.loader.import_default_modules()
    named = {task for tasks in EVENT_ROUTES.values() for task in tasks}
    assert named <= set(current_app.tasks)

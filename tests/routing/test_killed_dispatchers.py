"""Dispatchers killed with kill -9 at the worst moments: no chat is lost, none offered twice."""

import datetime
import functools
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import connection, transaction
from django.utils import timezone

from chat.actions import offers
from chat.models import Conversation, Visitor
from routing import interface as routing
from routing.clock import database_now
from routing.models import AgentProfile, Assignment, Offer, QueueEntry
from routing.queries.drift import drift
from tenants.context import in_company
from tenants.models import User
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.routing.dispatchers import dispatchers
from tests.routing.scene import arrive, new_agent
from tests.waiting import until

pytestmark = pytest.mark.real_commits


def wait_in_queue(company: CompanyRef, count: int = 1) -> list[uuid.UUID]:
    """Conversations that wait for an agent, stored without waking this process's dispatcher."""
    made = []
    with in_company(company):
        for _ in range(count):
            with transaction.atomic():
                conversation = Conversation.objects.create(
                    visitor=Visitor.objects.create(secret_digest=uuid.uuid4().hex),
                    start_id=uuid.uuid4(),
                    phase="during",
                    started_at=timezone.now(),
                )
                routing.enqueue(company_id=company.id, conversation_id=conversation.pk)
            made.append(conversation.pk)
    return made


def somebody_waits_for(table: str) -> bool:
    """Whether a session of this database waits for a lock, in a statement about the table."""
    with connection.cursor() as cursor:
        # Within a transaction the first look at the sessions is kept for all that follow.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock' AND query LIKE %s",
            [f"%{table}%"],
        )
        return bool(cursor.fetchone()[0])


def offers_of(conversation_id: uuid.UUID) -> list[str]:
    """The states of its offers, the oldest first."""
    made = Offer.objects.filter(entry__conversation_id=conversation_id).order_by("offered_at")
    return list(made.values_list("state", flat=True))


def is_assigned(company: CompanyRef, conversation_id: uuid.UUID) -> bool:
    """In routing and in the company, to the same agent, once."""
    with in_company(company):
        conversation = Conversation.objects.get(pk=conversation_id)
    held = Assignment.objects.filter(entry__conversation_id=conversation_id)
    return (
        conversation.state == "assigned"
        and [one.agent_id for one in held] == [conversation.agent_id]
        and QueueEntry.objects.get(conversation_id=conversation_id).state == "assigned"
    )


def test_killed_before_its_commit_it_has_offered_nothing(cast: Cast) -> None:
    """It has locked entries and agents, counted their load, and is about to write the offers."""
    arrive(cast.amir, capacity=10)
    arrive(cast.ana, capacity=10)
    chats = wait_in_queue(cast.acme, 12)
    with dispatchers(2) as running:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE routing_offer IN SHARE MODE")
            until(lambda: somebody_waits_for('INSERT INTO "routing_offer"'), seconds=30)
            running.kill_all()
            assert set(QueueEntry.objects.values_list("state", flat=True)) == {"waiting"}
            assert set(AgentProfile.objects.values_list("load", flat=True)) == {0}
        until(lambda: offers_of(chats[-1]))
        # They go on, and offer again nothing of what is offered.
        chats += wait_in_queue(cast.acme)
        until(lambda: offers_of(chats[-1]))
    assert running.killed == 2
    assert sorted(Offer.objects.values_list("entry__conversation_id", flat=True)) == sorted(chats)
    assert set(Offer.objects.values_list("state", flat=True)) == {"offered"}
    assert drift() == []
    assert sum(AgentProfile.objects.values_list("load", flat=True)) == 13


def test_killed_after_its_commit_its_offers_stand_and_lapse(cast: Cast) -> None:
    """It has made offers that it was to accept for the agent, and accepted none of them."""
    arrive(cast.amir, capacity=10, auto_accept=True)
    chats = wait_in_queue(cast.acme, 6)
    with dispatchers(2) as running:
        with in_company(cast.acme), transaction.atomic():
            list(Conversation.objects.select_for_update())
            until(lambda: somebody_waits_for("chat_conversation"), seconds=30)
            running.kill_all()
        # Others are at work, and leave alone what is offered already.
        (fresh,) = wait_in_queue(cast.acme)
        until(lambda: is_assigned(cast.acme, fresh))
        assert [offers_of(chat) for chat in chats] == [["offered"]] * 6
        assert Assignment.objects.count() == 1
        Offer.objects.filter(state="offered").update(expires_at=database_now())
        until(lambda: all(is_assigned(cast.acme, c) for c in chats))
    assert [offers_of(chat) for chat in chats] == [["withdrawn", "accepted"]] * 6
    assert offers_of(fresh) == ["accepted"]
    agent = AgentProfile.objects.get(pk=cast.amir.pk)
    assert (agent.status, agent.misses, agent.load) == ("available", 0, 7)
    assert drift() == []


def test_killed_at_any_moment_among_others_every_chat_is_assigned_once(cast: Cast) -> None:
    companies = [cast.acme, cast.globex]
    takers = [new_agent(f"taker{n}", *companies, capacity=20) for n in range(3)]
    automatic = [new_agent(f"automatic{n}", *companies) for n in range(3)]
    for who in automatic:
        arrive(who, capacity=20, auto_accept=True)
    chats: list[tuple[CompanyRef, uuid.UUID]] = []
    # When the last was killed: what is offered from then on is accepted by who offered it.
    ended: list[datetime.datetime] = []

    def agent(who: User) -> None:
        for offer in routing.pending_offers(who.pk):
            with suppress(routing.OfferGone):
                offers.accept(agent=who, offer_id=offer.offer_id)
        time.sleep(0.01)

    def clock() -> None:
        # What a killed dispatcher was to accept lapses after a second instead of fifteen.
        late = min([database_now() - datetime.timedelta(seconds=1), *ended])
        left = Offer.objects.filter(state="offered", auto_accept=True, offered_at__lt=late)
        left.update(expires_at=database_now())
        for who in (*takers, *automatic):
            routing.renew_lease(agent_id=who.pk)
        time.sleep(0.2)

    agents = [functools.partial(agent, who) for who in takers]
    with dispatchers(3) as running, repeating(clock, *agents):
        for _ in range(15):
            company = random.choice(companies)
            chats += [(company, one) for one in wait_in_queue(company, 3)]
            # They are in the middle of it.
            until(functools.partial(offers_of, chats[-1][1]), seconds=30, every=0.005)
            time.sleep(random.uniform(0.0, 0.05))
            running.kill()
        ended.append(database_now())
        until(lambda: Assignment.objects.count() == len(chats), seconds=30)
    assert running.killed == 15
    assert all(is_assigned(*chat) for chat in chats)
    assert QueueEntry.objects.count() == Assignment.objects.count() == len(chats)
    assert Offer.objects.filter(state="accepted").count() == len(chats)
    assert not Offer.objects.filter(state="offered").exists()
    assert drift() == []


@contextmanager
def repeating(*jobs: Callable[[], None]) -> Iterator[None]:
    """Repeat each job in a thread of its own while the block runs; their errors are the block's."""
    over = threading.Event()
    errors: list[BaseException] = []

    def repeat(job: Callable[[], None]) -> None:
        try:
            while not over.is_set():
                job()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=repeat, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []

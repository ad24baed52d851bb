"""What routing decides, carried out in companies: conversation, desk and visitor see the same."""

import contextlib
import datetime
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection

from chat.actions import conversations, dispatch, offers, waker
from chat.live import wire
from chat.live.protocol.visitor import StartFields
from chat.models import Conversation, Event, Visitor
from chat.tasks import sweep_queue
from routing import interface as routing
from routing import policy
from routing.clock import database_now
from routing.models import AgentProfile, Offer
from routing.queries.drift import drift
from tenants.actions.memberships import end_membership
from tenants.actor import SYSTEM, Actor
from tenants.context import in_company
from tenants.models import AuditEvent, User, Verb
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.routing.scene import arrive, entry_of, new_agent

pytestmark = pytest.mark.real_commits

Told = Callable[[User], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _settled(cast: Cast) -> Iterator[None]:
    yield
    assert waker.wait_until_idle(5)


@pytest.fixture
def told() -> Iterator[Told]:
    """The frames that a person's desks were sent so far."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    subscription = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    subscription.subscribe(wire.channel_name(settings.REDIS_PREFIX))
    subscription.get_message(timeout=1)
    heard: list[tuple[str, dict[str, Any]]] = []

    def read(user: User) -> list[dict[str, Any]]:
        while (message := subscription.get_message(timeout=0.1)) is not None:
            heard.extend(wire.decode(message["data"]).groups)
        mine = [m for group, m in heard if group == f"agent.{user.pk.hex}"]
        return [json.loads(m["text"]) if "text" in m else m for m in mine]

    yield read
    client.close()


def start_chat(company: CompanyRef, text: str = "Hello?") -> uuid.UUID:
    """A visitor of the company starts a chat; whatever that wakes has happened on return."""
    with in_company(company):
        visitor = Visitor.objects.create(secret_digest=uuid.uuid4().hex)
    started = conversations.start(
        company=company,
        visitor_id=visitor.pk,
        start_id=uuid.uuid4(),
        fields=StartFields(),
        text=text,
        visit_id=None,
    )
    assert waker.wait_until_idle(5)
    return started.conversation_id


def conversation_in(company: CompanyRef, conversation_id: uuid.UUID) -> Conversation:
    with in_company(company):
        return Conversation.objects.get(pk=conversation_id)


def changes_of(company: CompanyRef, conversation_id: uuid.UUID) -> list[str]:
    with in_company(company):
        events = Event.objects.filter(conversation=conversation_id, kind="conversation.changed")
        return [json.loads(e.body)["change"] for e in events.order_by("seq")]


def only_offer(user: User) -> routing.OfferDecision:
    (offer,) = routing.pending_offers(user.pk)
    return offer


def test_a_started_chat_rings_at_once_on_the_agents_desks(cast: Cast, told: Told) -> None:
    arrive(cast.amir)
    conversation_id = start_chat(cast.acme)
    offer = only_offer(cast.amir)
    (frame,) = told(cast.amir)
    assert frame == {
        "type": "offer",
        "offer": str(offer.offer_id),
        "conversation": f"acme/{conversation_id}",
        "company": {"slug": "acme", "name": "Acme Motors"},
        "expires_at": offer.expires_at.isoformat().replace("+00:00", "Z"),
        "why": "The only agent who can take this chat now.",
    }
    assert told(cast.ana) == []


def test_accepting_assigns_conversation_and_routing_together(cast: Cast, told: Told) -> None:
    arrive(cast.amir)
    conversation_id = start_chat(cast.acme)
    offer = only_offer(cast.amir)
    taken = offers.accept(agent=cast.amir, offer_id=offer.offer_id)
    assert (taken.company.id, taken.conversation_id) == (cast.acme.id, conversation_id)
    stored = conversation_in(cast.acme, conversation_id)
    assert (stored.state, stored.agent_id) == ("assigned", cast.amir.pk)
    assert [a.conversation_id for a in routing.open_assignments(cast.amir.pk)] == [conversation_id]
    assert changes_of(cast.acme, conversation_id) == ["started", "assigned"]
    frames = told(cast.amir)
    assert {"type": "offer.withdrawn", "offer": str(offer.offer_id), "reason": "accepted"} in frames
    assert [f["status"]["load"] for f in frames if f["type"] == "status"] == [1]

    again = offers.accept(agent=cast.amir, offer_id=offer.offer_id)
    assert again == taken
    assert changes_of(cast.acme, conversation_id) == ["started", "assigned"]


def test_an_agent_of_another_company_cannot_accept(cast: Cast) -> None:
    arrive(cast.ana)
    conversation_id = start_chat(cast.globex)
    offer = only_offer(cast.ana)
    for stranger in (cast.amir, cast.ivan):
        with pytest.raises(routing.OfferGone):
            offers.accept(agent=stranger, offer_id=offer.offer_id)
        with pytest.raises(routing.OfferGone):
            offers.decline(agent=stranger, offer_id=offer.offer_id)
    assert conversation_in(cast.globex, conversation_id).state == "queued"
    assert entry_of(conversation_id).state == "offered"


def test_an_agent_with_automatic_acceptance_has_the_chat_at_once(cast: Cast) -> None:
    arrive(cast.amir, auto_accept=True)
    conversation_id = start_chat(cast.acme)
    stored = conversation_in(cast.acme, conversation_id)
    assert (stored.state, stored.agent_id) == ("assigned", cast.amir.pk)
    assert Offer.objects.get().state == "accepted"
    event = AuditEvent.objects.get(verb=Verb.CONVERSATION_ASSIGNED, target_id=str(conversation_id))
    assert (event.company_id, event.actor_kind) == (cast.acme.id, "system")


def test_a_declined_chat_rings_at_the_next_agent_at_once(cast: Cast, told: Told) -> None:
    arrive(cast.amir)
    start_chat(cast.acme)
    arrive(cast.ana)
    offers.decline(agent=cast.amir, offer_id=only_offer(cast.amir).offer_id)
    assert waker.wait_until_idle(5)
    assert routing.pending_offers(cast.amir.pk) == []
    assert [f["type"] for f in told(cast.ana)] == ["offer"]
    assert [f["type"] for f in told(cast.amir)] == ["offer", "offer.withdrawn", "status"]


def test_an_agent_who_misses_twice_sees_it_on_their_desk(cast: Cast, told: Told) -> None:
    arrive(cast.amir)
    first, second = start_chat(cast.acme), start_chat(cast.acme)
    Offer.objects.update(expires_at=database_now())
    sweep_queue()
    frames = told(cast.amir)
    assert [f["reason"] for f in frames if f["type"] == "offer.withdrawn"] == ["expired"] * 2
    last = [f["status"] for f in frames if f["type"] == "status"][-1]
    assert (last["status"], last["reason"], last["load"]) == ("missed", "missed", 0)
    for conversation_id in (first, second):
        assert conversation_in(cast.acme, conversation_id).state == "queued"


def test_an_absent_agents_chat_waits_again_and_the_visitor_is_told(cast: Cast) -> None:
    arrive(cast.amir, auto_accept=True)
    conversation_id = start_chat(cast.acme)
    gone = datetime.timedelta(seconds=policy.GRACE_SECONDS + 1)
    AgentProfile.objects.filter(pk=cast.amir.pk).update(lease_expires_at=database_now() - gone)
    arrive(cast.ana)
    sweep_queue()
    stored = conversation_in(cast.acme, conversation_id)
    assert (stored.state, stored.agent_id) == ("queued", None)
    with in_company(cast.acme):
        told = Event.objects.filter(conversation=conversation_id).order_by("seq").last()
        assert told is not None
        assert json.loads(told.body)["change"] == "requeued"
        assert told.visitor_seq is not None
    # And in the same sweep it rings at somebody who is there.
    assert only_offer(cast.ana).conversation_id == conversation_id
    assert drift() == []


def test_a_removed_agents_chat_waits_again_and_that_of_another_company_stays(cast: Cast) -> None:
    agent = new_agent("nora", cast.acme, cast.globex)
    arrive(agent, auto_accept=True)
    left, kept = start_chat(cast.acme), start_chat(cast.globex)
    end_membership(company=cast.acme, user=agent, actor=SYSTEM)
    sweep_queue()
    assert conversation_in(cast.acme, left).state == "queued"
    assert changes_of(cast.acme, left) == ["started", "assigned", "requeued"]
    stays = conversation_in(cast.globex, kept)
    assert (stays.state, stays.agent_id) == ("assigned", agent.pk)
    assert [held.conversation_id for held in routing.open_assignments(agent.pk)] == [kept]
    assert routing.held_by_removed() == []
    assert drift() == []


def test_an_agent_back_within_the_grace_keeps_the_chat(cast: Cast) -> None:
    arrive(cast.amir, auto_accept=True)
    conversation_id = start_chat(cast.acme)
    soon = datetime.timedelta(seconds=policy.GRACE_SECONDS - 3)
    AgentProfile.objects.filter(pk=cast.amir.pk).update(lease_expires_at=database_now() - soon)
    sweep_queue()
    routing.renew_lease(agent_id=cast.amir.pk)
    sweep_queue()
    stored = conversation_in(cast.acme, conversation_id)
    assert (stored.state, stored.agent_id) == ("assigned", cast.amir.pk)


def test_closing_frees_the_agent_and_wakes_the_next_chat(cast: Cast) -> None:
    arrive(cast.amir, capacity=1, auto_accept=True)
    first, second = start_chat(cast.acme), start_chat(cast.acme)
    assert conversation_in(cast.acme, second).state == "queued"
    conversations.close(company=cast.acme, conversation_id=first, actor=Actor.person(cast.amir))
    assert waker.wait_until_idle(5)
    assert conversation_in(cast.acme, second).agent_id == cast.amir.pk


def test_a_chat_that_cannot_be_carried_out_delays_no_other(
    cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = start_chat(cast.acme), start_chat(cast.acme)
    # As no code of ours leaves it: closed for the company, waiting for routing.
    with in_company(cast.acme):
        Conversation.objects.filter(pk=first).update(state="closed", closed_at=database_now())
    arrive(cast.amir, auto_accept=True)
    with caplog.at_level(logging.WARNING):
        sweep_queue()
    assert "An offer could not be carried out: Conflict." in caplog.text
    assert conversation_in(cast.acme, second).agent_id == cast.amir.pk
    assert Offer.objects.get(entry__conversation_id=first).state == "offered"
    assert routing.agent_state(cast.amir.pk).load == 2


def test_accepting_while_the_visitor_leaves_ends_in_one_state_without_a_deadlock(
    cast: Cast,
) -> None:
    arrive(cast.amir, capacity=20)
    chats = [start_chat(cast.acme) for _ in range(12)]
    ringing = routing.pending_offers(cast.amir.pk)
    errors: list[BaseException] = []

    def in_thread(work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=guarded)
        thread.start()
        return thread

    def accept_all() -> None:
        for offer in ringing:
            with contextlib.suppress(routing.OfferGone):
                offers.accept(agent=cast.amir, offer_id=offer.offer_id)

    def close_all() -> None:
        for conversation_id in chats:
            conversations.close(company=cast.acme, conversation_id=conversation_id, actor=SYSTEM)

    for thread in [in_thread(accept_all), in_thread(close_all)]:
        thread.join()
    assert errors == []
    assert len(ringing) == 12
    assert {conversation_in(cast.acme, c).state for c in chats} == {"closed"}
    assert routing.agent_state(cast.amir.pk).load == 0
    assert drift() == []


def test_many_wakes_make_few_runs_and_never_raise(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[float] = []

    def run() -> int:
        runs.append(time.monotonic())
        time.sleep(0.05)
        raise OSError("the database is gone")

    monkeypatch.setattr(dispatch, "run", run)
    monkeypatch.setattr(dispatch, "make_offers", run)
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            waker.wake()
        assert waker.wait_until_idle(5)
    assert 1 <= len(runs) <= 3
    assert "Dispatching failed: OSError." in caplog.text
    assert "the database is gone" not in caplog.text
    assert sum(t.name == "dispatch" for t in threading.enumerate()) == 1

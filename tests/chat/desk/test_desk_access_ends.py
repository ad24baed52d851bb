"""Whoever may see less than before sees it no longer, though their desk stands open."""

import math
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import transaction
from django.test import Client

from chat import tasks
from chat.actions import conversations, dispatch
from chat.live import broadcast
from chat.models import Conversation
from config.event_routes import EVENT_ROUTES
from routing import interface as routing
from tenants import heartbeat
from tenants.actions.memberships import change_role, end_membership
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import OutboxEvent, Role
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation, say_elsewhere
from tests.chat.live.clients import DeskClient, VisitorClient
from tests.routing.scene import new_agent
from tests.servers import Daphne, Worker
from tests.waiting import until

pytestmark = pytest.mark.real_commits
ClientFor = Callable[..., Client]
# Well before the first sweep of a fresh server that could tell it instead.
AT_ONCE = 6.0
SOON = 3.0


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Daphne]:
    """A server whose first sweep is ten seconds ahead when the first desk opens."""
    server = Daphne(log=tmp_path / "daphne.log").start()
    yield server
    server.stop()


def key_of(company: CompanyRef, made: Conversation) -> str:
    return f"{company.slug}/{made.pk}"


def tell_news() -> None:
    """What relay and worker do with the outbox."""
    for event in OutboxEvent.objects.filter(topic="access.changed"):
        assert EVENT_ROUTES[event.topic] == (tasks.access_changed.name,)
        tasks.access_changed(str(event.company_id), event.object_id)
        event.delete()


def test_who_is_removed_from_a_company_loses_its_chats_at_once_and_keeps_the_others(
    cast: Cast, fresh: Daphne, worker: Worker
) -> None:
    agent = new_agent("nina", cast.acme, cast.globex)
    lost = conversation(cast.acme, agent=agent, said=("Acme's own words",))
    kept = conversation(cast.globex, agent=agent)
    until(lambda: redis.Redis.from_url(settings.REDIS_URL).exists(heartbeat.WORKER_HEARTBEAT_KEY))
    lost_key, kept_key = key_of(cast.acme, lost), key_of(cast.globex, kept)
    desk = DeskClient(fresh, agent, resume={lost_key: 0, kept_key: 0})
    other = DeskClient(fresh, cast.sara, resume={lost_key: 0})
    opened = [state["conversation"] for state in desk.welcome["conversations"]]
    assert sorted(opened) == sorted([lost_key, kept_key])

    end_membership(company=cast.acme, user=agent, actor=SYSTEM)
    assert desk.wait_for("conversation.gone", AT_ONCE) == {
        "type": "conversation.gone", "conversation": lost_key,
    }  # fmt: skip
    say_elsewhere(cast.acme, lost, "Said afterwards")
    say_elsewhere(cast.globex, kept, "Still for you")
    assert desk.wait_for("message", text="Still for you")["conversation"] == kept_key
    assert other.wait_for("message", text="Said afterwards")["conversation"] == lost_key
    for type_, fields in (
        ("message.send", {"text": "Let me in"}),
        ("resume", {"after": 0}),
        ("lead.save", {"fields": {"name": "x"}}),
    ):
        refused = desk.refused(type_, conversation=lost_key, **fields)
        assert refused["code"] == "not_found"
    assert "Said afterwards" not in str(desk.frames)
    desk.close()

    # Nor does the next hello bring it back, though the chat itself is still theirs in the tables; a
    # desk whose line was down meanwhile is told.
    again = DeskClient(fresh, agent, resume={lost_key: 0, kept_key: 0})
    assert [state["conversation"] for state in again.welcome["conversations"]] == [kept_key]
    assert again.wait_for("conversation.gone", SOON)["conversation"] == lost_key
    assert again.say(kept_key, "Here again")["type"] == "ack"
    assert [f["conversation"] for f in again.frames if f["type"] == "conversation.gone"] == [
        lost_key
    ]
    again.close()
    other.close()


def test_a_supervisor_who_is_none_any_more_stops_reading_along(cast: Cast, served: Daphne) -> None:
    person = new_agent("silke", cast.acme)
    change_role(company=cast.acme, user=person, role=Role.SUPERVISOR, actor=SYSTEM)
    OutboxEvent.objects.all().delete()
    watched = conversation(cast.acme, agent=cast.amir)
    own = conversation(cast.acme, agent=person)
    desk = DeskClient(
        served, person, resume={key_of(cast.acme, watched): 0, key_of(cast.acme, own): 0}
    )
    change_role(company=cast.acme, user=person, role=Role.AGENT, actor=SYSTEM)
    tell_news()
    gone = desk.wait_for("conversation.gone", SOON)
    assert gone["conversation"] == key_of(cast.acme, watched)
    say_elsewhere(cast.acme, watched, "Not for you")
    say_elsewhere(cast.acme, own, "For you")
    desk.wait_for("message", text="For you")
    assert "Not for you" not in str(desk.frames + desk.drain())
    desk.close()


def test_a_deactivated_person_is_out_at_once(
    cast: Cast, served: Daphne, client_for: ClientFor
) -> None:
    agent = new_agent("dora", cast.acme, cast.globex)
    desk = DeskClient(served, agent)
    other = DeskClient(served, cast.ana)
    form = {"name": "dora", "display_name": "", "is_active": ""}
    done = client_for(cast.otto).post(f"/admin/tenants/user/{agent.pk}/change/", form)
    assert done.status_code == 302
    agent.refresh_from_db()
    assert not agent.is_active
    told = OutboxEvent.objects.get(topic="access.changed", object_id=str(agent.pk))
    assert told.company_id in (cast.acme.id, cast.globex.id)
    tell_news()
    assert desk.closed_with(SOON) == 4401
    assert desk.frames[-1]["code"] == "signed_out"
    other.send("ping")
    assert other.wait_for("pong")
    other.close()


def test_a_grant_that_ends_stops_what_rings_for_it(cast: Cast, served: Daphne) -> None:
    agent = new_agent("greta", cast.acme, cast.globex)
    desk = DeskClient(served, agent)
    desk.available()
    visitor = VisitorClient(served, cast.acme)
    visitor.start()
    offer = desk.wait_for("offer")
    routing.revoke(agent_id=agent.pk, company_id=cast.acme.id)
    tell_news()
    gone = desk.wait_for("offer.withdrawn", SOON)
    assert (gone["offer"], gone["reason"]) == (offer["offer"], "withdrawn")
    refused = desk.ask("offer.accept", offer=offer["offer"])
    assert (refused["type"], refused["code"]) == ("error", "offer_gone")
    desk.close()
    visitor.close()


def test_a_chat_that_went_to_somebody_else_is_read_along_no_longer(
    cast: Cast, served: Daphne
) -> None:
    first, second = DeskClient(served, cast.amir), DeskClient(served, cast.ana)
    first.available()
    visitor = VisitorClient(served, cast.acme)
    chat = visitor.start()
    key = first.accept()
    second.available()
    given_back = uuid.UUID(chat)
    with in_company(cast.acme), transaction.atomic():
        routing.requeue(company_id=cast.acme.id, conversation_id=given_back)
        conversations.requeue(company=cast.acme, conversation_id=given_back)
    dispatch.run()
    assert first.wait_for("conversation.gone")["conversation"] == key
    assert second.accept() == key
    assert visitor.say(chat, "Only for the second")["type"] == "ack"
    second.wait_for("message", text="Only for the second")
    assert first.refused("typing", conversation=key, on=True)["code"] == "not_found"
    assert first.refused("resume", conversation=key, after=0)["code"] == "not_found"
    assert "Only for the second" not in str(first.frames)
    # Nor when they come back and say that they hold more than there is.
    again = DeskClient(served, cast.amir, resume={key: 2**40})
    assert again.welcome["conversations"] == []
    assert again.wait_for("conversation.gone")["conversation"] == key
    for socket in (first, second, visitor, again):
        socket.close()


@pytest.mark.parametrize("who", ["amir", "sara"])
def test_who_asks_for_what_is_yet_to_come_still_loses_what_is_given_back(
    cast: Cast, served: Daphne, who: str
) -> None:
    person = getattr(cast, who)
    given_back = conversation(cast.acme, agent=person)
    key = key_of(cast.acme, given_back)
    desk = DeskClient(served, person, resume={key: 2**40})
    desk.send("resume", conversation=key, after=2**40)
    # Both are answered before the chat is given back: a supervisor may ask for it again then.
    desk.send("ping")
    desk.wait_for("pong")
    with in_company(cast.acme), transaction.atomic():
        conversations.requeue(company=cast.acme, conversation_id=given_back.pk)
    say_elsewhere(cast.acme, given_back, "Only for the next")
    assert desk.wait_for("conversation.gone", SOON)["conversation"] == key
    desk.send("ping")
    assert desk.wait_for("pong")["conversations"] == {}
    assert "Only for the next" not in str(desk.frames)
    desk.close()


def test_what_is_read_from_storage_ends_where_the_chat_was_given_back(
    cast: Cast, served: Daphne, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back = conversation(cast.acme, agent=cast.amir)
    key = key_of(cast.acme, given_back)
    desk = DeskClient(served, cast.amir, resume={key: 0})
    desk.wait_for("message")
    # No hint of it arrives.
    monkeypatch.setattr(broadcast, "_not_before", math.inf)
    with in_company(cast.acme), transaction.atomic():
        conversations.requeue(company=cast.acme, conversation_id=given_back.pk)
        say_elsewhere(cast.acme, given_back, "Only for the next")
    desk.send("resume", conversation=key, after=1)
    assert desk.wait_for("conversation.changed", SOON)["change"] == "requeued"
    assert desk.wait_for("conversation.gone", SOON)["conversation"] == key
    desk.send("ping")
    assert desk.wait_for("pong")["conversations"] == {}
    assert "Only for the next" not in str(desk.frames)
    desk.close()


def test_a_chat_given_back_and_taken_again_stays(cast: Cast, served: Daphne) -> None:
    """What its story tells of earlier times takes it from nobody."""
    taken_again = conversation(cast.acme, agent=cast.amir)
    with in_company(cast.acme), transaction.atomic():
        conversations.requeue(company=cast.acme, conversation_id=taken_again.pk)
        conversations.assign(
            company=cast.acme, conversation_id=taken_again.pk, agent=cast.amir, actor=SYSTEM
        )
    key = key_of(cast.acme, taken_again)
    desk = DeskClient(served, cast.amir, resume={key: 0})
    assert desk.wait_for("conversation.changed")["change"] == "requeued"
    assert desk.wait_for("conversation.changed")["change"] == "assigned"
    say_elsewhere(cast.acme, taken_again, "Still for you")
    desk.wait_for("message", text="Still for you")
    assert "conversation.gone" not in [frame["type"] for frame in desk.frames]
    desk.close()

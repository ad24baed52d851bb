"""Whoever may see less than before sees it no longer, though their desk stands open."""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from chat import tasks
from chat.actions import dispatch, events
from chat.models import Conversation, Event
from config.event_routes import EVENT_ROUTES
from routing import interface as routing
from routing import policy
from routing.models import AgentProfile
from tenants import heartbeat
from tenants.actions.memberships import change_role, end_membership
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import OutboxEvent, Role
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation
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


def say(company: CompanyRef, made: Conversation, text: str) -> None:
    """Another process stores what the visitor says."""
    with in_company(company), transaction.atomic():
        events.append(
            conversation_id=made.pk,
            kind=Event.Kind.MESSAGE,
            author_kind=Event.AuthorKind.VISITOR,
            author_id=made.visitor_id,
            body={"text": text, "author": {"kind": "visitor", "name": "Vera"}},
        )


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
    say(cast.acme, lost, "Said afterwards")
    say(cast.globex, kept, "Still for you")
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

    # Nor does the next hello bring it back, though the chat itself is still theirs in the tables.
    again = DeskClient(fresh, agent, resume={kept_key: 0})
    assert [state["conversation"] for state in again.welcome["conversations"]] == [kept_key]
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
    say(cast.acme, watched, "Not for you")
    say(cast.acme, own, "For you")
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
    told = OutboxEvent.objects.filter(topic="access.changed", object_id=str(agent.pk))
    assert {event.company_id for event in told} == {cast.acme.id, cast.globex.id}
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
    # Their machine slept: the line stands, but nothing was heard from it.
    long_ago = timezone.now() - datetime.timedelta(seconds=policy.GRACE_SECONDS + 60)
    AgentProfile.objects.filter(pk=cast.amir.pk).update(lease_expires_at=long_ago)
    second.available()
    dispatch.run()
    assert first.wait_for("conversation.gone")["conversation"] == key
    assert second.accept() == key
    assert visitor.say(chat, "Only for the second")["type"] == "ack"
    second.wait_for("message", text="Only for the second")
    assert first.refused("typing", conversation=key, on=True)["code"] == "not_found"
    assert first.refused("resume", conversation=key, after=0)["code"] == "not_found"
    assert "Only for the second" not in str(first.frames)
    for socket in (first, second, visitor):
        socket.close()

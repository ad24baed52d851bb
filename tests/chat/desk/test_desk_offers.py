"""What an open desk is told of offers, and what it finds where nobody can tell it."""

import datetime
import time
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from chat.actions import conversations, offers
from chat.models import Conversation
from routing import interface as routing
from routing.models import Offer
from tenants.actions.memberships import end_membership
from tenants.actor import SYSTEM
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.desk.builders import conversation, say_elsewhere
from tests.chat.live.clients import DeskClient, Frame, VisitorClient
from tests.routing.scene import new_agent
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


def kinds(frames: list[Frame]) -> list[str]:
    return [frame["type"] for frame in frames]


def gone(desk: DeskClient) -> set[str]:
    return {f["conversation"] for f in desk.frames if f["type"] == "conversation.gone"}


def test_an_offer_ends_at_the_desk_when_the_visitor_ends_the_chat(
    cast: Cast, served: Daphne
) -> None:
    desk = DeskClient(served, cast.amir)
    desk.available()
    visitor = VisitorClient(served, cast.acme)
    chat = visitor.start()
    offer = desk.wait_for("offer")
    desk.drain()
    assert visitor.ask("conversation.end", conversation=chat)["type"] == "ack"
    told = [desk.receive(), desk.receive()]
    assert told[0] == {
        "type": "offer.withdrawn", "offer": offer["offer"], "reason": "withdrawn",
    }  # fmt: skip
    assert (told[1]["type"], told[1]["status"]["load"]) == ("status", 0)
    assert desk.drain() == []
    refused = desk.ask("offer.accept", offer=offer["offer"])
    assert (refused["type"], refused["code"]) == ("error", "offer_gone")
    with in_company(cast.acme):
        assert Conversation.objects.get(pk=chat).state == "closed"
    assert routing.agent_state(cast.amir.pk).load == 0
    desk.close()
    visitor.close()


def test_a_chat_that_ends_in_the_queue_tells_no_desk_anything(cast: Cast, served: Daphne) -> None:
    desk = DeskClient(served, cast.amir)
    visitor = VisitorClient(served, cast.acme)
    chat = visitor.start()
    desk.drain()
    assert visitor.ask("conversation.end", conversation=chat)["type"] == "ack"
    assert desk.drain() == []
    desk.close()
    visitor.close()


def test_an_agent_who_ends_a_chat_is_told_it_once(cast: Cast, served: Daphne) -> None:
    desk = DeskClient(served, cast.amir)
    desk.available()
    visitor = VisitorClient(served, cast.acme)
    visitor.start()
    key = desk.accept()
    desk.drain()
    closing = desk.send("conversation.close", conversation=key, disposition="answered")
    told = desk.drain()
    assert sorted(kinds(told)) == ["ack", "conversation.changed", "status"]
    # The same frame again, as after a cut line: answered, and nothing more.
    desk.send("conversation.close", id=closing, conversation=key, disposition="answered")
    assert kinds(desk.drain()) == ["ack"]
    desk.close()
    visitor.close()


def test_an_offer_rings_once_and_stops_at_every_desk_of_an_agent_who_goes_away(
    cast: Cast, served: Daphne
) -> None:
    desk, second = DeskClient(served, cast.amir), DeskClient(served, cast.amir)
    desk.available()
    visitor = VisitorClient(served, cast.acme)
    visitor.start()
    offer = desk.wait_for("offer")
    assert second.wait_for("offer")["offer"] == offer["offer"]
    desk.send("ping")
    assert "offer" not in kinds([*desk.drain(), *second.drain()])
    assert desk.ask("status.set", status="away")["type"] == "ack"
    gone = {"type": "offer.withdrawn", "offer": offer["offer"], "reason": "withdrawn"}
    assert second.wait_for("offer.withdrawn") == gone
    desk.drain()
    assert [frame for frame in desk.frames if frame["type"] == "offer.withdrawn"] == [gone]
    for one in (desk, second, visitor):
        one.close()


def test_what_rings_stops_wherever_the_agent_goes_away(cast: Cast, served: Daphne) -> None:
    """The status is set in a process in which nothing rings."""
    desk = DeskClient(served, cast.amir)
    desk.available()
    visitor = VisitorClient(served, cast.acme)
    visitor.start()
    offer = desk.wait_for("offer")
    offers.set_status(agent_id=cast.amir.pk, status="away", reason="lunch")
    gone = {"type": "offer.withdrawn", "offer": offer["offer"], "reason": "withdrawn"}
    assert desk.wait_for("offer.withdrawn") == gone
    status = desk.wait_for("status")["status"]
    assert (status["status"], status["reason"], status["load"]) == ("away", "lunch", 0)
    desk.close()
    visitor.close()


def test_without_the_bus_a_desk_elsewhere_learns_what_is_theirs_within_20_seconds(
    cast: Cast, tmp_path: Path
) -> None:
    no_bus = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    one = Daphne(environment=no_bus, log=tmp_path / "one.log").start()
    two = Daphne(environment=no_bus, log=tmp_path / "two.log").start()
    try:
        agent = new_agent("nils", cast.acme, cast.globex)
        watched = conversation(cast.globex, agent=agent)
        given_back = conversation(cast.acme, agent=agent)
        keys = {f"globex/{watched.pk}", f"acme/{given_back.pk}"}
        here = DeskClient(one, agent)
        elsewhere = DeskClient(two, agent, resume=dict.fromkeys(keys, 0))
        here.available()
        visitor, other = VisitorClient(one, cast.acme), VisitorClient(one, cast.acme)
        chat = visitor.start("Is anybody there?")
        assert here.accept() == f"acme/{chat}"
        ringing = other.start("And for me?")
        assert here.wait_for("offer")["conversation"] == f"acme/{ringing}"
        # However slow this machine is, it rings until the other server has looked.
        Offer.objects.update(expires_at=timezone.now() + datetime.timedelta(hours=1))
        here.send("ping")
        end_membership(company=cast.globex, user=agent, actor=SYSTEM)
        with in_company(cast.acme), transaction.atomic():
            conversations.requeue(company=cast.acme, conversation_id=given_back.pk)
            say_elsewhere(cast.acme, given_back, "Only for the next")
        deadline = time.monotonic() + 20
        wanted = {"conversation.opened", "offer", "conversation.gone"}
        while (
            not wanted <= set(kinds(elsewhere.frames))
            or not elsewhere.messages(f"acme/{chat}")
            or gone(elsewhere) != keys
        ):
            elsewhere.receive(deadline - time.monotonic())
        frames = {frame["type"]: frame for frame in elsewhere.frames}
        (said,) = elsewhere.messages(f"acme/{chat}")
        assert said["text"] == "Is anybody there?"
        assert frames["offer"]["conversation"] == f"acme/{ringing}"
        assert "Only for the next" not in str(elsewhere.frames)
        assert kinds(elsewhere.frames).count("offer") == 1
        for socket in (here, elsewhere, visitor, other):
            socket.close()
    finally:
        one.stop()
        two.stop()

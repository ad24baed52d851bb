"""A visitor who has HTTP only chats with an agent on a socket: nothing lost, nothing doubled."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.live.http_frames import MAX_FRAMES
from chat.models import Conversation, Event, Visit
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.live.clients import DeskClient, VisitorClient, make_visitor
from tests.chat.live.http_clients import HttpVisitor, StandingPoll
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


@pytest.fixture(scope="module")
def elsewhere(cast: Cast, logs: Path) -> Iterator[Daphne]:
    """Another server process of the same installation."""
    server = Daphne(log=logs / "elsewhere.log").start()
    yield server
    server.stop()


def chatting(cast: Cast, desks: Daphne, server: Daphne) -> tuple[DeskClient, HttpVisitor, str, str]:
    """Amir on a socket, and a visitor of acme without one, whose chat he shows."""
    desk = DeskClient(desks, cast.amir)
    desk.available()
    visitor = HttpVisitor(server, cast.acme)
    conversation = visitor.start()
    key = desk.accept()
    desk.first("message")
    return desk, visitor, conversation, key


def test_a_visitor_without_sockets_and_an_agent_talk(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, key = chatting(cast, served, served)
    assert [f["text"] for f in desk.messages()] == ["Hello?"]
    assert desk.say(key, "It is.")["type"] == "ack"
    heard = visitor.wait_for(conversation, "It is.")
    assert heard["author"] == {"kind": "agent", "name": "Amir"}
    ack = visitor.say(conversation, "Then I will come by.")
    assert (ack["type"], ack["seq"]) == ("ack", heard["seq"] + 1)
    said = desk.wait_for("message", text="Then I will come by.")
    assert (said["conversation"], said["author"]["kind"]) == (key, "visitor")
    assert [e["seq"] for e in visitor.events(conversation, wait=0)] == list(
        range(1, ack["seq"] + 1)
    )
    desk.close()


def test_a_poll_is_answered_by_what_is_said_on_another_server(
    cast: Cast, served: Daphne, elsewhere: Daphne
) -> None:
    desk, visitor, conversation, key = chatting(cast, served, elsewhere)
    held = visitor.events(conversation, wait=0)[-1]["seq"]
    waiting = StandingPoll(visitor, desk, conversation, held)
    desk.say(key, "A word from the other side.")
    answer = waiting.result()
    assert answer.status == 200
    assert [f["type"] for f in answer.frames] == ["welcome", "message"]
    assert answer.frames[1]["text"] == "A word from the other side."
    assert answer.frames[1]["seq"] == held + 1
    assert waiting.seconds < 3
    desk.close()


def test_a_visitor_may_change_between_ways_and_servers_in_mid_chat(
    cast: Cast, served: Daphne, elsewhere: Daphne
) -> None:
    desk, visitor, conversation, key = chatting(cast, served, elsewhere)
    said = ["Hello?"]
    for turn in range(3):
        visitor.server = (served, elsewhere)[turn % 2]
        visitor.host = visitor.server.host(cast.acme)
        visitor.say(conversation, f"by request {turn}")
        line = VisitorClient(
            served, cast.acme, visitor.token, resume={"conversation": conversation, "after": 0}
        )
        line.say(conversation, f"by socket {turn}")
        line.close()
        # An own message is told to its sender too where it is read together with one before it.
        desk.wait_for("message", text=f"by socket {turn}")
        desk.say(key, f"from the desk {turn}")
        said += [f"by request {turn}", f"by socket {turn}", f"from the desk {turn}"]
    events = visitor.events(conversation, wait=0)
    assert [e["text"] for e in events if e["type"] == "message"] == said
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert [f["text"] for f in desk.messages()] == [t for t in said if "the desk" not in t]
    desk.close()


def test_the_same_id_twice_is_one_message_and_the_same_ack(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, _ = chatting(cast, served, served)
    frame = {
        "type": "message.send",
        "id": str(uuid.uuid4()),
        "conversation": conversation,
        "text": "Once",
    }
    acks = visitor.post([frame, frame]).frames + visitor.post([frame]).frames
    assert acks[0]["type"] == "ack"
    assert acks[0] == acks[1] == acks[2]
    desk.wait_for("message", text="Once")
    assert [f for f in desk.drain() if f["type"] == "message"] == []
    with in_company(cast.acme):
        assert Event.objects.filter(client_id=frame["id"]).count() == 1
    desk.close()


def test_the_same_start_twice_is_one_conversation(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    frame = {"type": "conversation.start", "id": str(uuid.uuid4()), "text": "Anybody?"}
    first, second = visitor.post([frame]), visitor.post([frame])
    answers = [next(f for f in answer.frames if f["type"] == "ack") for answer in (first, second)]
    assert answers[0] == answers[1]
    with in_company(cast.acme):
        assert Conversation.objects.count() == 1
        assert Event.objects.filter(kind="message").count() == 1


def test_frames_of_one_request_are_stored_in_their_order(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    conversation = visitor.start("line 0")
    frames = [
        {
            "type": "message.send",
            "id": str(uuid.uuid4()),
            "conversation": conversation,
            "text": f"line {n}",
        }
        for n in range(1, 16)
    ]
    answers = visitor.post(frames).frames
    assert [(f["type"], f["id"]) for f in answers] == [("ack", f["id"]) for f in frames]
    assert [f["seq"] for f in answers] == list(range(3, 18))
    events = visitor.events(conversation, wait=0)
    said = [e["text"] for e in events if e["type"] == "message"]
    assert said == [f"line {n}" for n in range(16)]


def test_a_poll_goes_on_after_what_is_held(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, key = chatting(cast, served, served)
    for number in range(5):
        desk.say(key, f"line {number}")
        desk.say(key, "not for the visitor", note=True)
    every = visitor.events(conversation, wait=0)
    assert [e["seq"] for e in every] == list(range(1, len(every) + 1))
    assert "not for the visitor" not in str(every)
    for held in range(len(every) - 1):
        assert visitor.events(conversation, after=held) == every[held:]
    desk.close()


def test_a_poll_that_finds_nothing_waits_its_time_and_tells_where_things_stand(
    cast: Cast, served: Daphne
) -> None:
    visitor = HttpVisitor(served, cast.acme)
    conversation = visitor.start()
    started = time.monotonic()
    answer = visitor.poll(conversation=conversation, after=2, wait=1)
    assert 1 <= time.monotonic() - started < 2
    assert answer.status == 200
    assert [f["type"] for f in answer.frames] == ["welcome", "queue"]
    assert answer.frames[0]["conversations"][0]["state"] == "queued"
    assert answer.frames[1]["position"] == 1


def test_typing_and_read_marks_pass_in_both_directions(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, key = chatting(cast, served, served)
    reply = desk.say(key, "Hello")
    held = visitor.wait_for(conversation, "Hello")["seq"]
    typing = {"type": "typing", "conversation": conversation, "on": True}
    seen = {"type": "seen", "conversation": conversation, "seq": held}
    assert visitor.post([typing, typing, seen]).frames == []
    assert desk.wait_for("typing")["by"] == "visitor"
    assert desk.wait_for("seen", by="visitor")["seq"] == reply["seq"]
    assert [f for f in desk.drain() if f["type"] == "typing"] == []

    waiting = StandingPoll(visitor, desk, conversation, held)
    desk.send("typing", conversation=key, on=True)
    assert {"type": "typing", "conversation": conversation, "by": "agent", "on": True} in (
        waiting.result().frames
    )
    waiting = StandingPoll(visitor, desk, conversation, held)
    desk.send("seen", conversation=key, seq=reply["seq"])
    marks = [f for f in waiting.result().frames if f["type"] == "seen"]
    assert marks == [{"type": "seen", "conversation": conversation, "by": "desk", "seq": held}]
    desk.close()


def test_a_visitor_without_sockets_ends_the_chat(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, _ = chatting(cast, served, served)
    assert visitor.tell("conversation.end", conversation=conversation)["type"] == "ack"
    assert desk.wait_for("conversation.changed", change="closed")["state"] == "closed"
    refused = visitor.say(conversation, "One more thing")
    assert (refused["type"], refused["code"]) == ("error", "conversation_closed")
    # The ended one is still theirs to read.
    events = visitor.events(conversation, wait=0)
    assert events[-1]["state"] == "closed"
    assert (
        visitor.post(
            [{"type": "seen", "conversation": conversation, "seq": events[-1]["seq"]}], conversation
        ).frames
        == []
    )
    desk.close()


def test_a_page_and_a_ping_are_heard(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    page = {"type": "page", "url": "https://www.acme.example/blue", "title": "The blue one"}
    assert [f["type"] for f in visitor.post([page, {"type": "ping"}]).frames] == ["pong"]
    with in_company(cast.acme):
        assert Visit.objects.get().page_title == "The blue one"


def test_an_answer_is_kept_by_nobody_and_carries_what_every_answer_does(
    cast: Cast, served: Daphne
) -> None:
    visitor = HttpVisitor(served, cast.acme)
    usual = visitor.ask("GET", "/widget/state")
    for answer in (visitor.poll(wait=0), visitor.post([]), visitor.post("nonsense")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"
        for name in (
            "content-security-policy",
            "permissions-policy",
            "referrer-policy",
            "x-content-type-options",
            "x-frame-options",
            "cross-origin-opener-policy",
        ):
            assert answer.headers[name] == usual.headers[name], name
        assert len(answer.headers["x-request-id"]) == 32


def test_as_many_frames_as_may_stand_in_one_request_are_answered(
    cast: Cast, served: Daphne
) -> None:
    visitor = HttpVisitor(served, cast.acme, make_visitor(cast.acme)[1])
    assert len(visitor.post([{"type": "ping"}] * MAX_FRAMES).frames) == MAX_FRAMES


def test_the_token_stands_in_no_log(cast: Cast, served: Daphne, logs: Path) -> None:
    visitor = HttpVisitor(served, cast.acme)
    start = {"type": "conversation.start", "id": str(uuid.uuid4()), "text": "words of a visitor"}
    answer = visitor.post([start])
    conversation = next(f["conversation"] for f in answer.frames if f["type"] == "ack")
    text = (logs / "daphne.log").read_text()
    # Written before the answer goes out, in a log that other tests write to as well.
    (line,) = [line for line in text.splitlines() if answer.headers["x-request-id"] in line]
    told = json.loads(line)
    assert (told["message"], told["status"]) == ("POST /widget/frames", 200)
    assert told["company"] == str(cast.acme.id)
    assert visitor.token not in text
    assert "words of a visitor" not in text
    assert conversation not in text

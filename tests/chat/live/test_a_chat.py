"""A whole chat through a real server: both directions, notes, closing, coming back."""

import json
import uuid

import pytest

from chat.models import Conversation, Event, Lead
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.live.clients import DeskClient, VisitorClient
from tests.servers import Daphne
from tests.waiting import until

pytestmark = pytest.mark.real_commits


def test_a_visitor_and_an_agent_talk(cast: Cast, served: Daphne) -> None:
    desk = DeskClient(served, cast.amir)
    desk.available()
    visitor = VisitorClient(served, cast.acme, name="Vera")
    conversation = visitor.start("Is the blue one still there?")
    offer = desk.wait_for("offer")
    assert offer["company"] == {"slug": "acme", "name": "Acme Motors"}
    assert offer["conversation"] == f"acme/{conversation}"
    key = desk.accept()
    assert desk.first("conversation.opened")["conversation"]["visitor"]["name"] == "Vera"
    first = desk.first("message")
    assert (first["text"], first["author"]["kind"]) == ("Is the blue one still there?", "visitor")

    assert desk.say(key, "It is.")["type"] == "ack"
    answer = visitor.wait_for("message", text="It is.")
    assert answer["author"] == {"kind": "agent", "name": "Amir"}
    assert visitor.say(conversation, "Then I will come by.")["type"] == "ack"
    assert desk.wait_for("message", text="Then I will come by.")["conversation"] == key
    desk.close()
    visitor.close()


def test_a_note_stays_on_the_desk_and_leaves_no_gap_for_the_visitor(
    cast: Cast, served: Daphne
) -> None:
    desk, visitor, conversation, key = chatting(cast, served)
    note = desk.say(key, "Seems in a hurry.", note=True)
    reply = desk.say(key, "One moment.")
    assert reply["seq"] == note["seq"] + 1
    shown = visitor.wait_for("message", text="One moment.")
    assert shown["seq"] == note["seq"]
    seqs = [f["seq"] for f in visitor.frames if "seq" in f and f["type"] != "seen"]
    assert "Seems in a hurry." not in str(visitor.frames)
    assert sorted(set(seqs)) == list(range(1, max(seqs) + 1))
    with in_company(cast.acme):
        row = Conversation.objects.get(pk=conversation)
        assert (row.last_seq, row.last_visitor_seq) == (reply["seq"], shown["seq"])
    desk.close()
    visitor.close()


def test_who_comes_back_is_sent_what_they_missed_once(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, key = chatting(cast, served)
    held = max(f["seq"] for f in visitor.frames if "seq" in f)
    visitor.close()
    for number in range(3):
        desk.say(key, f"While you were away {number}")
    back = VisitorClient(
        served, cast.acme, visitor.token, resume={"conversation": conversation, "after": held}
    )
    back.wait_for("message", text="While you were away 2")
    assert [f["text"] for f in back.messages()] == [f"While you were away {n}" for n in range(3)]
    assert [f["seq"] for f in back.messages()] == [held + 1, held + 2, held + 3]
    desk.close()
    back.close()


def test_the_same_id_twice_is_one_message_and_the_same_ack(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, _ = chatting(cast, served)
    frame_id = str(uuid.uuid4())
    acks = [
        visitor.ask("message.send", id=frame_id, conversation=conversation, text="Once")
        for _ in range(3)
    ]
    assert acks[0] == acks[1] == acks[2]
    desk.wait_for("message", text="Once")
    assert [f for f in desk.drain() if f["type"] == "message"] == []
    with in_company(cast.acme):
        assert Event.objects.filter(client_id=frame_id).count() == 1
    desk.close()
    visitor.close()


def test_an_id_that_another_frame_had_is_a_conflict_and_changes_nothing(
    cast: Cast, served: Daphne
) -> None:
    desk, visitor, conversation, key = chatting(cast, served)
    said, answered = str(uuid.uuid4()), str(uuid.uuid4())
    visitor.ask("message.send", id=said, conversation=conversation, text="Is it blue?")
    desk.ask("message.send", id=answered, conversation=key, text="It is.")
    fields = {"name": "Vera", "email": "vera@visitors.example"}
    for refused in (
        visitor.ask("conversation.end", id=said, conversation=conversation),
        desk.ask("conversation.close", id=answered, conversation=key),
        desk.ask("lead.save", id=answered, conversation=key, fields=fields),
    ):
        assert (refused["type"], refused["code"]) == ("error", "conflict")
    with in_company(cast.acme):
        row = Conversation.objects.get(pk=conversation)
        assert (row.state, row.last_seq, row.events.count()) == ("assigned", 5, 5)
        assert not Lead.objects.exists()
    # The other side may use it.
    assert desk.ask("conversation.close", id=said, conversation=key)["type"] == "ack"
    desk.close()
    visitor.close()


def test_a_closed_chat_takes_no_more(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, key = chatting(cast, served)
    close_id = str(uuid.uuid4())
    for _ in range(2):
        ack = desk.ask("conversation.close", id=close_id, conversation=key, disposition="answered")
        assert ack["type"] == "ack"
    closed = visitor.wait_for("conversation.changed", change="closed")
    assert closed["state"] == "closed"
    assert "disposition" not in closed
    refused = visitor.say(conversation, "One more thing")
    assert (refused["type"], refused["code"]) == ("error", "conversation_closed")
    with in_company(cast.acme):
        row = Conversation.objects.get(pk=conversation)
        assert (row.state, row.disposition) == ("closed", "answered")
        assert row.events.filter(kind="message").count() == 1
    desk.close()
    visitor.close()


def test_what_was_read_is_told_in_the_other_sides_numbering(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, key = chatting(cast, served)
    desk.say(key, "hidden", note=True)
    reply = desk.say(key, "Hello")
    shown = visitor.wait_for("message", text="Hello")
    visitor.send("seen", conversation=conversation, seq=shown["seq"])
    assert desk.wait_for("seen", by="visitor")["seq"] == reply["seq"]
    desk.send("seen", conversation=key, seq=reply["seq"])
    assert visitor.wait_for("seen", by="desk")["seq"] == shown["seq"]
    desk.close()
    visitor.close()


def test_typing_reaches_the_other_side_only(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, key = chatting(cast, served)
    visitor.send("typing", conversation=conversation, on=True)
    assert desk.wait_for("typing")["by"] == "visitor"
    desk.send("typing", conversation=key, on=True)
    assert visitor.wait_for("typing") == {
        "type": "typing", "conversation": conversation, "by": "agent", "on": True,
    }  # fmt: skip
    assert [f for f in visitor.frames if f["type"] == "typing" and f["by"] == "visitor"] == []
    desk.close()
    visitor.close()


def test_starting_twice_with_one_id_starts_once(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    frame_id = str(uuid.uuid4())
    acks = [visitor.ask("conversation.start", id=frame_id, text="Hi", fields={}) for _ in range(2)]
    assert acks[0] == acks[1]
    another = visitor.ask("conversation.start", text="Hi again", fields={})
    assert (another["type"], another["code"]) == ("error", "already_open")
    with in_company(cast.acme):
        assert Conversation.objects.count() == 1
        assert Event.objects.filter(kind="message").count() == 1
    visitor.close()


def test_a_wrong_address_starts_nothing(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    for email in ("no address", "ve\u202era@home.example", "vera@ho\u200bme.example"):
        refused = visitor.ask("conversation.start", text="Hi", fields={"email": email})
        assert refused["code"] == "fields_invalid"
        assert list(refused["fields"]) == ["email"]
    with in_company(cast.acme):
        assert not Conversation.objects.exists()
    visitor.close()


def test_a_name_that_nobody_sees_is_none(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme, name="Vera")
    conversation = visitor.start("Hi", name="\u200b\u3164 ")
    assert visitor.say(conversation, "Anybody there?")["type"] == "ack"
    with in_company(cast.acme):
        said = Event.objects.filter(kind="message").order_by("seq")
        names = [json.loads(event.body)["author"]["name"] for event in said]
    assert names == ["Vera", "Vera"]
    visitor.close()


def test_the_visitor_may_end_it(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, _ = chatting(cast, served)
    assert visitor.ask("conversation.end", conversation=conversation)["type"] == "ack"
    assert desk.wait_for("conversation.changed", change="closed")["author"]["kind"] == "visitor"
    until(lambda: status_load(desk) == 0)
    desk.close()
    visitor.close()


def status_load(desk: DeskClient) -> int:
    desk.drain(0.2)
    return int([f for f in desk.frames if f["type"] == "status"][-1]["status"]["load"])


def chatting(cast: Cast, served: Daphne) -> tuple[DeskClient, VisitorClient, str, str]:
    """Amir and a visitor of acme, in a conversation that both show."""
    desk = DeskClient(served, cast.amir)
    desk.available()
    visitor = VisitorClient(served, cast.acme, name="Vera")
    conversation = visitor.start()
    key = desk.accept()
    desk.first("message")
    visitor.wait_for("conversation.changed", change="assigned")
    return desk, visitor, conversation, key

"""In a chat that has ended nobody is told that somebody types."""

import pytest

from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.chat.live.clients import DeskClient, VisitorClient, token_of
from tests.chat.live.http_clients import HttpVisitor
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


def assert_typing_is_not_passed_on(
    visitor: VisitorClient, desk: DeskClient, pk: str, key: str
) -> None:
    """Neither side is told of it, and neither is refused."""
    for on in (True, False):
        visitor.send("typing", conversation=pk, on=on)
        desk.send("typing", conversation=key, on=on)
    # The first asks until both were heard, the second what they left.
    for _ in range(2):
        for socket in (visitor, desk):
            assert [frame["type"] for frame in socket.answers()] == ["pong"]


@pytest.mark.parametrize("ended_by", ["visitor", "desk"])
def test_where_the_chat_ended_before_their_eyes(cast: Cast, served: Daphne, ended_by: str) -> None:
    chat = conversation(cast.acme, agent=cast.ana, said=("one",))
    pk, key = str(chat.pk), f"acme/{chat.pk}"
    visitor = VisitorClient(served, cast.acme, token_of(cast.acme, chat))
    desk = DeskClient(served, cast.ana, resume={key: 0})
    desk.wait_for("message")
    visitor.send("typing", conversation=pk, on=True)
    desk.wait_for("typing", on=True)
    if ended_by == "visitor":
        assert visitor.ask("conversation.end", conversation=pk)["type"] == "ack"
    else:
        assert desk.ask("conversation.close", conversation=key)["type"] == "ack"
    for socket in (visitor, desk):
        assert socket.first("conversation.changed")["state"] == "closed"
    assert_typing_is_not_passed_on(visitor, desk, pk, key)
    visitor.close()
    desk.close()


def test_where_they_come_back_to_one_that_ended(cast: Cast, served: Daphne) -> None:
    chat = conversation(cast.acme, agent=cast.ana, said=("one", "two"), closed=True)
    pk, key = str(chat.pk), f"acme/{chat.pk}"
    token = token_of(cast.acme, chat)
    visitor = VisitorClient(
        served, cast.acme, token, resume={"conversation": pk, "after": chat.last_visitor_seq}
    )
    desk = DeskClient(served, cast.ana, resume={key: chat.last_seq})
    visitor.answers()
    desk.answers()
    assert_typing_is_not_passed_on(visitor, desk, pk, key)
    # Nor where they ask for it later.
    visitor.close()
    visitor = VisitorClient(served, cast.acme, token)
    desk.drain()
    visitor.send("resume", conversation=pk, after=chat.last_visitor_seq)
    visitor.answers()
    desk.wait_for("presence", online=True)
    assert_typing_is_not_passed_on(visitor, desk, pk, key)
    visitor.close()
    desk.close()


def test_where_the_frames_go_by_http(cast: Cast, served: Daphne) -> None:
    chat = conversation(cast.acme, agent=cast.ana, said=("one",))
    pk, key = str(chat.pk), f"acme/{chat.pk}"
    visitor = HttpVisitor(served, cast.acme, token_of(cast.acme, chat))
    desk = DeskClient(served, cast.ana, resume={key: 0})
    desk.answers()
    typing = {"type": "typing", "conversation": pk, "on": True}
    end = {"type": "conversation.end", "id": pk, "conversation": pk}
    assert visitor.post([typing], pk).frames == []
    desk.wait_for("typing", on=True)
    assert [frame["type"] for frame in visitor.post([end, typing], pk).frames] == ["ack"]
    assert visitor.post([{**typing, "on": False}], pk).frames == []
    assert "typing" not in [frame["type"] for frame in desk.answers()]
    desk.close()

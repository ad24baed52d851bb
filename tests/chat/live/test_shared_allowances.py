"""More sockets bring a visitor no more: what they do in all of them is counted together."""

import pytest

from tests.cast import Cast
from tests.chat.live.clients import DeskClient, Socket, VisitorClient
from tests.chat.live.http_clients import HttpVisitor
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


def test_a_visitors_sockets_and_requests_share_their_frames(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    sockets = [visitor, *(VisitorClient(served, cast.acme, visitor.token) for _ in range(3))]
    for _ in range(50):
        for socket in sockets:
            socket.send("ping")
    answers = [socket.receive() for socket in sockets for _ in range(50)]
    refused = [frame for frame in answers if frame["type"] == "error"]
    assert {frame["code"] for frame in refused} == {"too_fast"}
    # 120 at once, 20 a second; a slow machine may take two seconds.
    assert 120 <= len(answers) - len(refused) <= 160

    for socket in sockets:
        for _ in range(10):
            socket.send("ping")
    polite = HttpVisitor(served, cast.acme, visitor.token)
    frames = [{"type": "ping"}] * 32
    assert "too_fast" in {frame.get("code") for frame in polite.post(frames).frames}

    other = VisitorClient(served, cast.acme)
    assert other.ask("message.send", conversation=other.start(), text="Hello")["type"] == "ack"
    for socket in (*sockets, other):
        socket.close()


def test_a_conversation_is_read_anew_twenty_times_and_then_slowly(
    cast: Cast, served: Daphne
) -> None:
    visitor = VisitorClient(served, cast.acme)
    conversation = visitor.start("Read me")
    second = VisitorClient(served, cast.acme, visitor.token)
    for socket in (visitor, second):
        socket.first("message")
    for _ in range(15):
        visitor.send("resume", conversation=conversation, after=0)
        second.send("resume", conversation=conversation, after=0)
    answers = visitor.answers() + second.answers()
    refused = [frame for frame in answers if frame["type"] == "error"]
    assert {frame["code"] for frame in refused} == {"too_fast"}
    # 30 asked; a slow machine may earn two more meanwhile.
    assert 8 <= len(refused) <= 10
    assert all(frame["retry_after"] > 0 for frame in refused)
    assert len([f for f in answers if f.get("text") == "Read me"]) <= 22

    other = VisitorClient(served, cast.globex)
    elsewhere = other.start("Mine")
    other.first("message")
    other.send("resume", conversation=elsewhere, after=0)
    assert other.wait_for("message")["text"] == "Mine"
    for socket in (visitor, second, other):
        socket.close()


def test_typing_is_passed_on_once_a_second_and_its_end_always(cast: Cast, served: Daphne) -> None:
    desk = DeskClient(served, cast.amir)
    desk.available()
    visitor = VisitorClient(served, cast.acme)
    conversation = visitor.start()
    key = desk.accept()
    second = VisitorClient(served, cast.acme, visitor.token)
    for socket in (visitor, second, desk):
        socket.drain()

    def typed(socket: Socket) -> list[bool]:
        return [frame["on"] for frame in socket.drain() if frame["type"] == "typing"]

    for socket in (second, visitor, visitor):
        socket.send("typing", conversation=conversation, on=True)
    visitor.send("typing", conversation=conversation, on=False)
    assert typed(desk) == [True, False]
    for on in (True, True, False):
        desk.send("typing", conversation=key, on=on)
    assert typed(visitor) == [True, False]
    assert typed(second) == [True, False]
    for socket in (desk, visitor, second):
        socket.close()

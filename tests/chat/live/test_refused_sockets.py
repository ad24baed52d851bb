"""Who may not open a socket, and which frames are refused: a documented code, and nothing else."""

import json
import uuid

import pytest
from websockets.exceptions import InvalidStatus

from chat import visitor_token
from chat.models import Conversation, Event
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.live.clients import (
    DeskClient,
    Socket,
    VisitorClient,
    make_visitor,
    session_of,
)
from tests.chat.live.test_a_chat import chatting
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


def refusal(socket: Socket) -> tuple[str, int]:
    """The code of the error that a socket is told, and of its close."""
    code = socket.closed_with()
    assert [frame["type"] for frame in socket.frames] == ["error"], (code, socket.frames)
    return socket.frames[0]["code"], code


def test_a_socket_from_another_page_is_closed(cast: Cast, served: Daphne) -> None:
    """No page, a sandboxed one, a stranger's, another company's, the same host's other port."""
    cookie = session_of(cast.amir)
    for origin in (
        None,
        "null",
        "https://evil.example",
        f"http://{served.host(cast.globex)}",
        "http://acme.localhost",
        "http://localhost",
    ):
        visitor = Socket(served, served.host(cast.acme), "/ws/visitor/", origin=origin)
        assert refusal(visitor) == ("origin_refused", 4403)
        desk = Socket(served, served.host(), "/ws/desk/", origin=origin, cookie=cookie)
        assert refusal(desk) == ("origin_refused", 4403)


def test_a_socket_of_an_unknown_host_or_path_is_no_socket(cast: Cast, served: Daphne) -> None:
    for host, path in (
        (f"nobody.localhost:{served.port}", "/ws/visitor/"),
        (served.host(), "/ws/visitor/"),
        (served.host(cast.acme), "/ws/desk/"),
        (served.host(cast.acme), "/ws/other/"),
    ):
        with pytest.raises(InvalidStatus) as refused:
            Socket(served, host, path)
        assert refused.value.response.status_code == 403


def foreign_token(cast: Cast) -> str:
    return make_visitor(cast.initech)[1]


def token_of_nobody(cast: Cast) -> str:
    return visitor_token.issue(cast.acme, uuid.uuid4(), uuid.uuid4(), "https://www.acme.example")


def changed_token(cast: Cast) -> str:
    return make_visitor(cast.acme)[1][:-4] + "AAAA"


def test_a_wrong_token_opens_nothing(cast: Cast, served: Daphne) -> None:
    for make in (foreign_token, token_of_nobody, changed_token, lambda cast: ""):
        socket = Socket(served, served.host(cast.acme), "/ws/visitor/")
        socket.send("hello", token=make(cast))
        assert refusal(socket) == ("bad_token", 4401)


def test_a_visitor_says_hello_first(cast: Cast, served: Daphne) -> None:
    for text in ('{"type": "ping"}', '{"type": "hello"}', '{"type": "nonsense"}', "nonsense"):
        socket = Socket(served, served.host(cast.acme), "/ws/visitor/")
        socket.send_text(text)
        assert refusal(socket) == ("hello_first", 4401)


def test_a_desk_without_a_session_is_closed(cast: Cast, served: Daphne) -> None:
    for cookie in ("", "session=made-up", "session"):
        socket = Socket(served, served.host(), "/ws/desk/", cookie=cookie)
        socket.send("hello")
        assert refusal(socket) == ("signed_out", 4401)


def test_somebody_who_serves_nobody_has_no_desk(cast: Cast, served: Daphne) -> None:
    socket = Socket(served, served.host(), "/ws/desk/", cookie=session_of(cast.audrey))
    socket.send("hello")
    assert refusal(socket) == ("no_desk", 4403)


BAD_FRAMES: list[tuple[str, str]] = [
    ("not json", "bad_frame"),
    ("[1, 2]", "bad_frame"),
    ("[" * 5000, "bad_frame"),
    ('{"type": "message.send"}', "bad_frame"),
    ('{"type": 7}', "bad_frame"),
    ("{}", "bad_frame"),
    ('{"type": "nonsense"}', "unknown_type"),
    ('{"type": "offer.accept", "id": "x"}', "unknown_type"),
    ('{"type": "typing", "conversation": "x", "on": true}', "bad_frame"),
    ('{"type": "page", "url": "\\ud800"}', "bad_frame"),
    ('{"type": "page", "url": "a\\u0000b"}', "bad_frame"),
    (json.dumps({"type": "page", "url": "x" * 2001}), "bad_frame"),
    (json.dumps({"type": "page", "url": "x" * 70_000}), "too_large"),
    (json.dumps({"type": "page", "url": "\U0001f600" * 17_000}, ensure_ascii=False), "too_large"),
]


def test_an_unreadable_frame_is_answered_and_the_socket_stays(cast: Cast, served: Daphne) -> None:
    for half in (BAD_FRAMES[:7], BAD_FRAMES[7:]):
        visitor = VisitorClient(served, cast.acme)
        for text, code in half:
            visitor.send_text(text)
            answer = visitor.receive()
            assert (answer["type"], answer["code"]) == ("error", code), text[:60]
            visitor.send("ping")
            assert visitor.receive()["type"] == "pong"
        visitor.close()
    assert nothing_stored(cast)


# Blanks of other languages, joiners, marks of direction, an empty Braille cell, a tag.
UNSEEN = "\u3000\u00a0\u200b\u200d\u2060\u202e\u00ad\ufeff\u3164\u2800\x07\U000e0041\n"


def test_a_text_that_is_none_is_refused(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, _ = chatting(cast, served)
    for text in ("", "   \n", UNSEEN, "a\x00b", "x" * 4001, None, 7, ["x"]):
        answer = visitor.ask("message.send", conversation=conversation, text=text)
        assert (answer["type"], answer["code"]) == ("error", "bad_frame")
    assert [f for f in desk.drain() if f["type"] == "message"] == []
    with in_company(cast.acme):
        assert Event.objects.filter(kind="message").count() == 1
    desk.close()
    visitor.close()


def test_ten_unreadable_frames_close_the_socket(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    for _ in range(10):
        visitor.send_text("nonsense")
    assert visitor.closed_with() == 4400
    assert nothing_stored(cast)


def test_a_binary_frame_closes_the_socket(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    visitor.connection.send(b"\x00\xff")
    assert visitor.closed_with() == 4400


def test_a_second_hello_closes_the_socket(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    visitor.send("hello", token=make_visitor(cast.acme)[1])
    assert visitor.closed_with() == 4401


def test_too_fast_is_refused_and_a_flood_is_closed(cast: Cast, served: Daphne) -> None:
    desk, visitor, conversation, _ = chatting(cast, served)
    answers = [visitor.say(conversation, f"line {n}") for n in range(25)]
    refused = [a for a in answers if a["type"] == "error"]
    assert {a["code"] for a in refused} == {"too_fast"}
    assert refused[0]["retry_after"] > 0
    stored = sum(a["type"] == "ack" for a in answers)
    with in_company(cast.acme):
        assert Event.objects.filter(kind="message").count() == stored + 1
    for _ in range(400):
        visitor.send_text('{"type": "ping"}')
    assert visitor.closed_with() == 4429
    desk.close()


def test_a_strangers_conversation_is_not_there(cast: Cast, served: Daphne) -> None:
    """Another visitor of the company, and one of another company, try every frame on it."""
    desk, owner, conversation, _ = chatting(cast, served)
    for company in (cast.acme, cast.globex):
        stranger = VisitorClient(served, company)
        for answer in (
            stranger.say(conversation, "mine now"),
            stranger.refused("typing", conversation=conversation, on=True),
            stranger.refused("seen", conversation=conversation, seq=1),
            stranger.ask("conversation.end", conversation=conversation),
            stranger.refused("resume", conversation=conversation, after=0),
        ):
            assert (answer["type"], answer["code"]) == ("error", "not_found")
        resumed = VisitorClient(
            served, company, stranger.token, resume={"conversation": conversation, "after": 0}
        )
        assert resumed.welcome["conversations"] == []
        assert resumed.drain() == []
        stranger.close()
        resumed.close()
    assert [f for f in desk.drain() if f["type"] in ("message", "typing", "seen")] == []
    assert [f for f in owner.drain() if f["type"] == "message"] == []
    with in_company(cast.acme):
        assert Conversation.objects.get().state == "assigned"
        assert Event.objects.filter(kind="message").count() == 1
    with in_company(cast.globex):
        assert not Event.objects.exists()
    desk.close()
    owner.close()


def test_an_agent_writes_only_where_the_chat_is_theirs(cast: Cast, served: Daphne) -> None:
    """Ana serves acme too, but the chat is Amir's; Ivan owns another company."""
    desk, visitor, conversation, key = chatting(cast, served)
    for user in (cast.ana, cast.ivan):
        other = DeskClient(served, user)
        for answer in (
            other.say(key, "mine now"),
            other.say(key, "mine now", note=True),
            other.refused("typing", conversation=key, on=True),
            other.refused("seen", conversation=key, seq=1),
            other.ask("conversation.close", conversation=key),
            other.ask(
                "lead.save",
                conversation=key,
                fields={"name": "X", "email": "x@example.com"},
                version=0,
            ),
            other.refused("resume", conversation=key, after=0),
            other.say(f"initech/{conversation}", "elsewhere"),
        ):
            assert (answer["type"], answer["code"]) == ("error", "not_found"), answer
        other.close()
    assert [f for f in visitor.drain() if f["type"] in ("message", "typing", "seen")] == []
    with in_company(cast.acme):
        assert Conversation.objects.get().state == "assigned"
        assert Event.objects.filter(kind__in=("message", "note")).count() == 1
    desk.close()
    visitor.close()


def nothing_stored(cast: Cast) -> bool:
    for company in cast.companies:
        with in_company(company):
            if Conversation.objects.exists() or Event.objects.exists():
                return False
    return True

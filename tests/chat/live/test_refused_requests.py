"""Which requests of the way without sockets are refused: a documented code, and nothing written."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from chat.live.http_frames import MAX_BODY_BYTES, MAX_FRAMES
from chat.models import Conversation, Event
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.live.clients import Frame, make_visitor
from tests.chat.live.http_clients import EVENTS, FRAMES, HttpVisitor
from tests.chat.live.test_refused_sockets import (
    BAD_FRAMES,
    changed_token,
    foreign_token,
    nothing_stored,
    token_of_nobody,
)
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


def start_frame() -> dict[str, str]:
    return {"type": "conversation.start", "id": str(uuid.uuid4()), "text": "Hello?"}


def test_a_request_of_another_page_is_refused(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    for origin in (
        "null",
        "https://evil.example",
        f"http://{served.host(cast.globex)}",
        "http://acme.localhost",
    ):
        assert visitor.post([start_frame()], origin=origin).refusal == (403, "origin_refused")
        assert visitor.ask("GET", EVENTS, origin=origin).refusal == (403, "origin_refused")
    assert visitor.post([start_frame()], origin=None).refusal == (403, "origin_refused")
    for site in ("cross-site", "same-site", "none"):
        answer = visitor.ask("GET", f"{EVENTS}?wait=0", sec_fetch_site=site)
        assert answer.refusal == (403, "origin_refused")
    assert visitor.ask("GET", f"{EVENTS}?wait=0", sec_fetch_site="same-origin").status == 200
    assert nothing_stored(cast)


def test_a_wrong_token_or_none_is_refused(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    tokens = [f"Bearer {make(cast)}" for make in (foreign_token, token_of_nobody, changed_token)]
    for authorization in (*tokens, None, "", "Bearer", "Bearer ", f"Basic {visitor.token}"):
        posted = visitor.post([start_frame()], authorization=authorization)
        assert posted.refusal == (401, "bad_token")
        assert posted.headers["www-authenticate"] == "Bearer"
        polled = visitor.ask("GET", EVENTS, authorization=authorization)
        assert polled.refusal == (401, "bad_token")
    assert visitor.ask("GET", f"{EVENTS}?token={visitor.token}", authorization=None).status == 401
    assert nothing_stored(cast)


def test_an_unknown_host_is_an_empty_404(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    for host in (f"nobody.localhost:{served.port}", served.host()):
        for answer in (
            visitor.post([start_frame()], host=host, origin=f"http://{host}"),
            visitor.ask("GET", EVENTS, host=host),
            visitor.ask("DELETE", EVENTS, host=host),
        ):
            assert (answer.status, answer.body) == (404, b"")
            assert "x-request-id" not in answer.headers
    assert nothing_stored(cast)


def test_any_other_method_is_refused(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    for path, allowed in ((FRAMES, "POST"), (EVENTS, "GET")):
        for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} - {allowed}:
            answer = visitor.ask(method, path, b"[]" if method in ("POST", "PUT") else None)
            assert (answer.status, answer.headers["allow"]) == (405, allowed)
            assert "access-control-allow-origin" not in answer.headers
    assert nothing_stored(cast)


def test_a_body_that_is_no_list_of_frames_is_refused_whole(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    start = json.dumps(start_frame())
    for body in (
        b"",
        b"nonsense",
        start.encode(),
        f"[{start}".encode(),
        f"[{start}] and more".encode(),
        f'[{start}, "\xff"]'.encode("latin-1"),
        b"[" * 5000,
        b"\x00",
    ):
        assert visitor.ask("POST", FRAMES, body).refusal == (400, "bad_frame"), body[:40]
    assert nothing_stored(cast)


def test_too_much_at_once_is_refused_whole(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    many = [start_frame() for _ in range(MAX_FRAMES + 1)]
    assert visitor.post(many).refusal == (413, "too_large")
    padded = [start_frame(), {"type": "ping", "padding": "x" * MAX_BODY_BYTES}]
    assert visitor.post(padded).refusal == (413, "too_large")
    assert nothing_stored(cast)


def test_an_unreadable_frame_is_answered_and_those_beside_it_are_served(
    cast: Cast, served: Daphne
) -> None:
    # Those that are no JSON make the whole list none.
    in_list = [
        (text, code)
        for text, code in BAD_FRAMES
        if text not in ("not json", "[" * 5000) and "ud800" not in text
    ]
    for half in (in_list[:6], in_list[6:]):
        visitor = HttpVisitor(served, cast.acme)
        body = ",".join(['{"type": "ping"}', *(text for text, _ in half), '{"type": "ping"}'])
        answer = visitor.ask("POST", FRAMES, f"[{body}]".encode())
        assert answer.status == 200
        assert [f["type"] for f in (answer.frames[0], answer.frames[-1])] == ["pong", "pong"]
        told = [f.get("code") for f in answer.frames[1:-1]]
        assert told == [code for _, code in half]
    assert nothing_stored(cast)


def test_ten_unreadable_frames_end_the_request(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    answer = visitor.post([{}] * 12 + [start_frame()])
    assert answer.refusal == (400, "frame_abuse")
    assert [f["code"] for f in answer.frames] == ["bad_frame"] * 9 + ["frame_abuse"]
    assert nothing_stored(cast)


def test_a_hello_is_no_frame_here(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    other = make_visitor(cast.acme)[1]
    answer = visitor.post([{"type": "hello", "token": other}, start_frame()])
    assert answer.refusal == (401, "hello_first")
    assert nothing_stored(cast)


def test_a_wrong_query_is_refused(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    for query in (
        {"conversation": "x"},
        {"after": "-1"},
        {"after": "x"},
        {"after": 2**60},
        {"wait": "26"},
        {"wait": "-1"},
        {"wait": "0.5"},
        {f"x{n}": "1" for n in range(11)},
    ):
        assert visitor.poll(**query).refusal == (400, "bad_frame"), query


def test_a_strangers_conversation_is_not_there(cast: Cast, served: Daphne) -> None:
    """Another visitor of the company, and one of another company, try every frame on it."""
    owner = HttpVisitor(served, cast.acme)
    conversation = owner.start()
    for company in (cast.acme, cast.globex):
        stranger = HttpVisitor(served, company)
        frames: list[Frame] = [
            {"type": "message.send", "id": str(uuid.uuid4()), "text": "mine now"},
            {"type": "conversation.end", "id": str(uuid.uuid4())},
            {"type": "typing", "on": True},
            {"type": "seen", "seq": 1},
            {"type": "resume", "after": 0},
        ]
        for frame in frames:
            answer = stranger.post([{**frame, "conversation": conversation}], conversation)
            assert [f["code"] for f in answer.frames] == ["not_found"], frame
        polled = stranger.poll(conversation=conversation, after=0, wait=1)
        assert [f["type"] for f in polled.frames] == ["welcome"]
        assert polled.frames[0]["conversations"] == []
    with in_company(cast.acme):
        assert Conversation.objects.get().state == "queued"
        assert Event.objects.filter(kind="message").count() == 1
    with in_company(cast.globex):
        assert not Event.objects.exists()


def test_messages_too_fast_are_refused_whatever_way_they_come(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    conversation = visitor.start()
    frames = [
        {
            "type": "message.send",
            "id": str(uuid.uuid4()),
            "conversation": conversation,
            "text": f"line {n}",
        }
        for n in range(30)
    ]
    answers = [f for part in (frames[:15], frames[15:]) for f in visitor.post(part).frames]
    assert {f["id"] for f in answers} == {f["id"] for f in frames}
    told = [f.get("code", "ack") for f in answers]
    assert set(told) == {"ack", "too_fast"}
    assert told[:15] == ["ack"] * 15
    assert all(f["retry_after"] > 0 for f in answers if f["type"] == "error")
    with in_company(cast.acme):
        assert Event.objects.filter(kind="message").count() == told.count("ack") + 1


def test_requests_too_fast_are_refused(cast: Cast, served: Daphne) -> None:
    visitor, other = HttpVisitor(served, cast.acme), HttpVisitor(served, cast.acme)
    ways = [lambda: visitor.poll(wait=0), lambda: visitor.post([{"type": "ping"}])] * 100
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda ask: ask(), ways))
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.refusal for answer in refused} == {(429, "too_fast")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert len(answers) - len(refused) >= 60
    assert other.poll(wait=0).status == 200

"""How a poll ends: answered, abandoned, one too many, with its server; and what the desk sees."""

import asyncio
import json
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chat.actions import messages
from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.consumers import short
from chat.live.http_frames import with_http_frames
from chat.live.render import desk_key
from chat.live.streams import streams
from chat.models import Conversation
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.live.clients import Frame, eventually, make_visitor
from tests.chat.live.http_clients import Answer, HttpVisitor
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


class Request:
    """One request to the application in this process, without a server around it."""

    def __init__(self, company: CompanyRef, token: str, query: str, body: bytes = b"") -> None:
        self.sent: list[dict[str, Any]] = []
        self._line: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._line.put_nowait({"type": "http.request", "body": body})
        host = f"{company.slug}.localhost"
        scope = {
            "type": "http",
            "method": "POST" if body else "GET",
            "path": "/widget/frames" if body else "/widget/events",
            "query_string": query.encode(),
            "headers": [
                (b"host", host.encode()),
                (b"origin", f"{settings.PUBLIC_SCHEME}://{host}".encode()),
                (b"authorization", f"Bearer {token}".encode()),
            ],
        }
        self.task = asyncio.ensure_future(_application(scope, self._line.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def hang_up(self) -> None:
        self._line.put_nowait({"type": "http.disconnect"})

    async def frames(self) -> list[Frame]:
        await asyncio.wait_for(self.task, 10)
        assert self.sent[0]["status"] == 200, self.sent
        return cast("list[Frame]", json.loads(self.sent[1]["body"]))


def undressed(request: HttpRequest, response: HttpResponse, started: float) -> HttpResponse:
    return response


async def no_other(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("It is not one of the two paths.")


_application = with_http_frames(no_other, undressed)


async def until(check: Callable[[], bool]) -> None:
    for _ in range(500):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("It did not become true in time.")


def run(story: Callable[[BusLayer], Awaitable[None]]) -> None:
    """The story on a loop of its own, on this process's bus."""

    async def main() -> None:
        layer = cast("BusLayer", get_channel_layer())
        await layer.flush()
        layer.start()
        try:
            await asyncio.wait_for(story(layer), 30)
        finally:
            for part in (streams(), messages.committer(), layer):
                await asyncio.wait_for(part.close(), 10)

    asyncio.run(main())


def a_chat(cast: Cast) -> tuple[str, str]:
    """A stored conversation without a word yet: its id and its visitor's token."""
    visitor_id, token = make_visitor(cast.acme)
    with in_company(cast.acme):
        conversation = Conversation.objects.create(
            visitor_id=visitor_id,
            start_id=uuid.uuid4(),
            phase="during",
            started_at=timezone.now(),
            state="assigned",
            agent=cast.ana,
            assigned_at=timezone.now(),
        )
    return str(conversation.pk), token


def is_clean(layer: BusLayer) -> bool:
    return not (layer._mailboxes or layer._groups or streams()._followed or short._waiting)


def test_whoever_hangs_up_leaves_nothing_behind(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "AWAY_SECONDS", 0.1)
    conversation, token = a_chat(cast)

    async def story(layer: BusLayer) -> None:
        polls = [
            Request(cast.acme, token, f"conversation={conversation}&after=0") for _ in range(3)
        ]
        await until(lambda: sum(short._waiting.values()) == 3)
        assert len(layer._mailboxes) == 3
        for poll in polls:
            poll.hang_up()
            await asyncio.wait_for(poll.task, 5)
        await until(lambda: is_clean(layer))
        assert not short._leaving

    run(story)


def test_an_answered_request_leaves_nothing_behind(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "AWAY_SECONDS", 0.1)
    conversation, token = a_chat(cast)
    said = {"type": "message.send", "id": str(uuid.uuid4()), "text": "Hello"}

    async def story(layer: BusLayer) -> None:
        poll = Request(cast.acme, token, f"conversation={conversation}&after=0")
        await until(lambda: bool(short._waiting))
        body = json.dumps([{**said, "conversation": conversation}]).encode()
        answers = await Request(cast.acme, token, "", body).frames()
        assert [f["type"] for f in answers] == ["ack"]
        assert [f["type"] for f in await poll.frames()] == ["welcome", "message"]
        await until(lambda: is_clean(layer))

    run(story)


def test_the_desk_sees_one_visitor_who_stays_while_polls_follow_each_other(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "AWAY_SECONDS", 0.6)
    conversation, token = a_chat(cast)
    query = f"conversation={conversation}&after=0&wait=1"

    async def story(layer: BusLayer) -> None:
        desk = await layer.new_channel()
        layer.join(groups.desks_of(cast.acme.id, uuid.UUID(conversation)), desk)
        for _ in range(3):
            await Request(cast.acme, token, query).frames()
        assert presence(layer, desk) == [True, True, True]
        await asyncio.sleep(1)
        assert presence(layer, desk) == [False]
        layer.drop_channel(desk)

    run(story)


def test_a_visitor_who_polls_another_server_has_not_left(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "AWAY_SECONDS", 0.6)
    conversation, token = a_chat(cast)
    group = groups.desks_of(cast.acme.id, uuid.UUID(conversation))
    query = f"conversation={conversation}&after=0&wait=0"

    async def story(layer: BusLayer) -> None:
        desk = await layer.new_channel()
        layer.join(group, desk)
        other = BusLayer(settings.REDIS_URL, settings.REDIS_PREFIX)
        other.start()
        await until(lambda: layer.connected and other.connected)
        await Request(cast.acme, token, query).frames()
        key = desk_key(cast.acme.slug, uuid.UUID(conversation))
        here = {"type": "presence", "conversation": key, "online": True}
        text = json.dumps(here, separators=(",", ":"))
        other.tell_group(group, {"type": "live.frame", "text": text})
        await asyncio.sleep(1)
        assert presence(layer, desk) == [True, True]
        layer.drop_channel(desk)
        await other.close()

    run(story)


def presence(layer: BusLayer, channel: str) -> list[bool]:
    """What a desk was told since the last look."""
    told = []
    while (message := layer.mailbox(channel).take()) is not None:
        told.append(json.loads(message["text"])["online"])
    return told


def test_more_polls_than_a_visitor_has_tabs_are_refused(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "AWAY_SECONDS", 0.1)
    conversation, token = a_chat(cast)
    _, of_another = make_visitor(cast.acme)
    query = f"conversation={conversation}&after=0"

    async def story(layer: BusLayer) -> None:
        polls = [Request(cast.acme, token, query) for _ in range(short.POLLS)]
        await until(lambda: sum(short._waiting.values()) == short.POLLS)
        refused = Request(cast.acme, token, query)
        await asyncio.wait_for(refused.task, 5)
        assert refused.sent[0]["status"] == 429
        assert (b"Retry-After", b"5") in refused.sent[0]["headers"]
        assert json.loads(refused.sent[1]["body"])[-1]["code"] == "too_fast"
        assert await Request(cast.acme, of_another, "wait=1").frames()
        assert await Request(cast.acme, token, f"{query}&wait=0").frames()
        polls[0].hang_up()
        await asyncio.wait_for(polls[0].task, 5)
        again = Request(cast.acme, token, f"{query}&wait=1")
        assert [f["type"] for f in await again.frames()] == ["welcome"]
        for poll in polls[1:]:
            poll.hang_up()
        await asyncio.gather(*(poll.task for poll in polls))

    run(story)


def test_the_server_notices_whoever_hangs_up(cast: Cast, served: Daphne, logs: Path) -> None:
    visitor = HttpVisitor(served, cast.acme)
    conversation = visitor.start()
    polled = '"GET /widget/events"'
    before = (logs / "daphne.log").read_text().count(polled)
    request = (
        f"GET /widget/events?conversation={conversation}&after=2 HTTP/1.1\r\n"
        f"Host: {visitor.host}\r\nAuthorization: Bearer {visitor.token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.sendall(request.encode())
        time.sleep(0.5)
        assert (logs / "daphne.log").read_text().count(polled) == before
    eventually(lambda: (logs / "daphne.log").read_text().count(polled) == before + 1)


def test_a_server_that_stops_answers_the_polls_that_wait(cast: Cast, tmp_path: Path) -> None:
    server = Daphne(log=tmp_path / "daphne.log").start()
    try:
        visitor = HttpVisitor(server, cast.acme)
        conversation = visitor.start()
        answers: list[Answer] = []
        poll = threading.Thread(
            target=lambda: answers.append(visitor.poll(conversation=conversation, after=2))
        )
        poll.start()
        time.sleep(1)
        assert poll.is_alive()
        started = time.monotonic()
    finally:
        server.stop()
    poll.join(10)
    assert time.monotonic() - started < 5
    assert answers[0].status == 200
    assert answers[0].frames[-1]["type"] == "reconnect"
    assert answers[0].frames[-1]["after"] > 0

"""How a poll ends: answered, abandoned, one too many, with its server; and what the desk sees."""

import asyncio
import json
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chat.actions import messages
from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.consumers import short
from chat.live.http_frames import with_http_frames
from chat.live.protocol.fields import desk_key
from chat.live.streams import streams
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation as stored_conversation
from tests.chat.live.clients import DeskClient, Frame, make_visitor, token_of
from tests.chat.live.http_clients import HttpVisitor, StandingPoll
from tests.servers import Daphne
from tests.waiting import until, until_async

pytestmark = pytest.mark.real_commits
# No test lasts as long.
LONG = 60.0


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


def undressed(request: HttpRequest, response: HttpResponse, **known: object) -> HttpResponse:
    return response


async def no_other(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("It is not one of the two paths.")


_application = with_http_frames(no_other, undressed)


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


@pytest.fixture
def chat(cast: Cast) -> tuple[str, str]:
    """A stored conversation of Ana's without a word yet: its id and its visitor's token."""
    made = stored_conversation(cast.acme, agent=cast.ana, said=())
    return str(made.pk), token_of(cast.acme, made)


@pytest.fixture
def soon_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short, "AWAY_SECONDS", 0.1)


def is_clean(layer: BusLayer) -> bool:
    return not (layer._mailboxes or layer._groups or streams()._followed or short._waiting)


@pytest.mark.usefixtures("soon_away")
def test_whoever_hangs_up_leaves_nothing_behind(cast: Cast, chat: tuple[str, str]) -> None:
    conversation, token = chat

    async def story(layer: BusLayer) -> None:
        polls = [
            Request(cast.acme, token, f"conversation={conversation}&after=0") for _ in range(3)
        ]
        await until_async(lambda: sum(short._waiting.values()) == 3)
        assert len(layer._mailboxes) == 3
        for poll in polls:
            poll.hang_up()
            await asyncio.wait_for(poll.task, 5)
        await until_async(lambda: is_clean(layer) and not short._leaving)

    run(story)


@pytest.mark.usefixtures("soon_away")
def test_an_answered_request_leaves_nothing_behind(cast: Cast, chat: tuple[str, str]) -> None:
    conversation, token = chat
    said = {"type": "message.send", "id": str(uuid.uuid4()), "text": "Hello"}

    async def story(layer: BusLayer) -> None:
        poll = Request(cast.acme, token, f"conversation={conversation}&after=0")
        await until_async(lambda: bool(short._waiting))
        body = json.dumps([{**said, "conversation": conversation}]).encode()
        answers = await Request(cast.acme, token, "", body).frames()
        assert [f["type"] for f in answers] == ["ack"]
        assert [f["type"] for f in await poll.frames()] == ["welcome", "message"]
        await until_async(lambda: is_clean(layer))

    run(story)


def test_the_desk_sees_one_visitor_who_stays_while_polls_follow_each_other(
    cast: Cast, chat: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation, token = chat
    query = f"conversation={conversation}&after=0&wait=0"

    async def story(layer: BusLayer) -> None:
        desk = await layer.new_channel()
        layer.join(groups.desks_of(cast.acme.id, uuid.UUID(conversation)), desk)
        for seconds in (LONG, LONG, 0.1):
            monkeypatch.setattr(short, "AWAY_SECONDS", seconds)
            await Request(cast.acme, token, query).frames()
        # Nobody waits any more for the end of the first two.
        await until_async(lambda: not short._leaving)
        assert presence(layer, desk) == [True, True, True, False]
        layer.drop_channel(desk)

    run(story)


def test_a_visitor_who_polls_another_server_has_not_left(
    cast: Cast, chat: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "AWAY_SECONDS", LONG)
    conversation, token = chat
    group = groups.desks_of(cast.acme.id, uuid.UUID(conversation))
    query = f"conversation={conversation}&after=0&wait=0"

    async def story(layer: BusLayer) -> None:
        desk = await layer.new_channel()
        layer.join(group, desk)
        other = BusLayer(settings.REDIS_URL, settings.REDIS_PREFIX)
        other.start()
        await until_async(lambda: layer.connected and other.connected)
        await Request(cast.acme, token, query).frames()
        key = desk_key(cast.acme.slug, uuid.UUID(conversation))
        here = {"type": "presence", "conversation": key, "online": True}
        text = json.dumps(here, separators=(",", ":"))
        other.tell_group(group, {"type": "live.frame", "text": text})
        await until_async(lambda: not short._leaving)
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


@pytest.mark.usefixtures("soon_away")
def test_more_polls_than_a_visitor_has_tabs_are_refused(cast: Cast, chat: tuple[str, str]) -> None:
    conversation, token = chat
    _, of_another = make_visitor(cast.acme)
    query = f"conversation={conversation}&after=0"

    async def story(layer: BusLayer) -> None:
        polls = [Request(cast.acme, token, query) for _ in range(short.POLLS)]
        await until_async(lambda: sum(short._waiting.values()) == short.POLLS)
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


def test_the_server_notices_whoever_hangs_up(
    cast: Cast, chat: tuple[str, str], served: Daphne, logs: Path
) -> None:
    conversation, token = chat
    desk = DeskClient(served, cast.ana, resume={f"acme/{conversation}": 0})
    polled = '"GET /widget/events"'
    before = (logs / "daphne.log").read_text().count(polled)
    request = (
        f"GET /widget/events?conversation={conversation}&after=0 HTTP/1.1\r\n"
        f"Host: {served.host(cast.acme)}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.sendall(request.encode())
        desk.wait_for("presence", online=True)
        assert (logs / "daphne.log").read_text().count(polled) == before
    until(lambda: (logs / "daphne.log").read_text().count(polled) == before + 1)
    desk.close()


def test_a_server_that_stops_answers_the_polls_that_wait(
    cast: Cast, chat: tuple[str, str], tmp_path: Path
) -> None:
    conversation, token = chat
    server = Daphne(log=tmp_path / "daphne.log").start()
    try:
        desk = DeskClient(server, cast.ana, resume={f"acme/{conversation}": 0})
        poll = StandingPoll(HttpVisitor(server, cast.acme, token), desk, conversation)
        started = time.monotonic()
    finally:
        server.stop()
    answer = poll.result(10)
    assert time.monotonic() - started < 5
    assert answer.status == 200
    assert answer.frames[-1]["type"] == "reconnect"
    assert answer.frames[-1]["after"] > 0

"""A request of frames is answered by their answers alone, and asks for nothing beyond them."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from chat import visitor_token
from chat.live.bus import BusLayer
from routing import interface as routing
from tests.cast import Cast
from tests.chat.live.clients import make_visitor
from tests.chat.live.http_clients import HttpVisitor
from tests.chat.live.test_polls_end import Request, run
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


def test_a_visitor_who_waits_is_told_their_place_when_they_ask(cast: Cast, served: Daphne) -> None:
    visitor = HttpVisitor(served, cast.acme)
    visitor.start()
    assert [frame["type"] for frame in visitor.post([{"type": "ping"}]).frames] == ["pong", "queue"]
    page = {"type": "page", "url": "https://www.acme.example/", "title": "Acme"}
    assert visitor.post([page]).frames == []


def test_a_request_reads_its_token_once_and_looks_for_no_place(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = make_visitor(cast.acme)
    calls: list[str] = []

    def counted(module: Any, name: str) -> None:
        told: Callable[..., Any] = getattr(module, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return told(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    async def story(layer: BusLayer) -> None:
        start = {"type": "conversation.start", "id": str(uuid.uuid4()), "text": "Hello?"}
        answers = await Request(cast.acme, token, "", json.dumps([start]).encode()).frames()
        assert [frame["type"] for frame in answers] == ["ack", "queue"]
        counted(visitor_token, "read")
        counted(routing, "position")
        page = {"type": "page", "url": "https://www.acme.example/", "title": "Acme"}
        assert await Request(cast.acme, token, "", json.dumps([page]).encode()).frames() == []

    run(story)
    assert calls == ["read"]

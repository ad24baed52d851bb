"""A socket on which nobody says hello is told so and closed; nothing of it stays."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from chat.live.bus import BusLayer
from chat.live.consumers import base
from chat.live.consumers.base import SocketConsumer
from chat.live.consumers.desk import DeskConsumer
from chat.live.consumers.visitor import VisitorConsumer
from tests.cast import Cast
from tests.chat.live.clients import session_of
from tests.chat.live.test_polls_end import is_clean, run

pytestmark = pytest.mark.real_commits


@pytest.mark.parametrize(
    ("consumer", "host"), [(VisitorConsumer, "acme.localhost"), (DeskConsumer, "localhost")]
)
def test_whoever_says_no_hello_is_closed(
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
    consumer: Callable[[], SocketConsumer],
    host: str,
) -> None:
    monkeypatch.setattr(base, "HELLO_SECONDS", 0.2)
    headers = {
        "host": host,
        "origin": f"{settings.PUBLIC_SCHEME}://{host}",
        # To be signed in is no hello.
        "cookie": session_of(cast.amir),
    }
    scope = {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    sent: list[dict[str, Any]] = []

    async def story(layer: BusLayer) -> None:
        said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        said.put_nowait({"type": "websocket.connect"})

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        started = time.monotonic()
        await asyncio.wait_for(consumer()(scope, said.get, send), 5)
        assert time.monotonic() - started >= 0.2
        assert is_clean(layer)

    run(story)
    accepted, told, closed = sent
    assert accepted == {"type": "websocket.accept"}
    assert json.loads(told["text"]) == {
        "type": "error", "code": "hello_timeout", "message": "No hello came in time.",
    }  # fmt: skip
    assert closed == {"type": "websocket.close", "code": 4408}

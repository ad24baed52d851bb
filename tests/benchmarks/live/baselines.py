"""Three relays to compare with, each an ASGI application for the same server.

All pass a visitor's text on to the agent of the pair and answer nothing. Paths:
`/<pair>/<visitor|agent>`.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The channel layer that the plain ways use is Channels' own.
settings.CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [settings.REDIS_URL], "prefix": "bench"},
    }
}
django.setup()

from channels.db import database_sync_to_async  # noqa: TID251  the usual way uses it
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import connection

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_agents: dict[str, Send] = {}


async def raw(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """No framework, nothing stored, one process."""
    await receive()
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404})
        await send({"type": "http.response.body"})
        return
    _, pair, role = scope["path"].split("/")
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": '{"type":"ready"}'})
    if role == "agent":
        _agents[pair] = send
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if role == "visitor":
            await _agents[pair]({"type": "websocket.send", "text": message["text"]})


class PubSub(AsyncWebsocketConsumer):
    """Channels with its own pub/sub layer; nothing stored."""

    async def connect(self) -> None:
        _, self.pair, self.role = self.scope["path"].split("/")
        if self.role == "agent":
            await self.channel_layer.group_add(f"pair.{self.pair}", self.channel_name)
        await self.accept()  # type: ignore[no-untyped-call]
        await self.send(text_data='{"type":"ready"}')  # type: ignore[no-untyped-call]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send(
            f"pair.{self.pair}", {"type": "relay", "text": text_data}
        )

    async def relay(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])  # type: ignore[no-untyped-call]


def _insert(pair: str, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_message (pair, body, at) VALUES (%s, %s, now()) RETURNING id",
            [int(pair), text],
        )
        cursor.fetchone()


class Usual(PubSub):
    """The same, with one INSERT for each message by database_sync_to_async, in clear text."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await database_sync_to_async(_insert)(self.pair, text_data)
        await super().receive(text_data)


pubsub = cast("Any", PubSub).as_asgi()
usual = cast("Any", Usual).as_asgi()

"""Sockets without a server around them: consumers on a loop of the test's own process."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from channels.layers import get_channel_layer
from django.conf import settings

from chat.live.bus import BusLayer
from chat.live.consumers.base import SocketConsumer
from chat.live.streams import streams
from tests.chat.live.clients import Frame
from tests.waiting import until_async


def run(story: Callable[[BusLayer], Awaitable[None]]) -> None:
    """The story on a loop of its own, on this process's bus and streams."""

    async def main() -> None:
        layer = cast("BusLayer", get_channel_layer())
        await layer.flush()
        running = streams()
        try:
            await asyncio.wait_for(story(layer), 30)
        finally:
            for part in (running, layer):
                await asyncio.wait_for(part.close(), 10)

    asyncio.run(main())


class Line:
    """The line of one consumer, which is served until `hang_up`."""

    def __init__(self, consumer: SocketConsumer, host: str, *, cookie: str = "") -> None:
        self.frames: list[Frame] = []
        self._to_consumer: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_consumer.put_nowait({"type": "websocket.connect"})
        origin = f"{settings.PUBLIC_SCHEME}://{host}"
        headers = {"host": host, "origin": origin, "cookie": cookie}
        scope = {
            "type": "websocket",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self._task = asyncio.ensure_future(consumer(scope, self._to_consumer.get, self._sent))

    async def _sent(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.frames.append(json.loads(message["text"]))

    def send(self, type_: str, **fields: Any) -> None:
        text = json.dumps({"type": type_, **fields})
        self._to_consumer.put_nowait({"type": "websocket.receive", "text": text})

    async def until(self, type_: str) -> list[Frame]:
        """The frames up to the next of this type, which are taken off."""
        await until_async(lambda: any(frame["type"] == type_ for frame in self.frames), every=0.01)
        end = next(n for n, frame in enumerate(self.frames) if frame["type"] == type_) + 1
        came, self.frames = self.frames[:end], self.frames[end:]
        return came

    async def ping(self) -> list[Frame]:
        """What comes until a ping is answered, the answer included."""
        self.send("ping")
        return await self.until("pong")

    async def hang_up(self) -> None:
        self._to_consumer.put_nowait({"type": "websocket.disconnect"})
        await asyncio.wait_for(self._task, 5)

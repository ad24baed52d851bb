"""The socket paths of both sites; any other is refused at the handshake."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chat.live.consumers.desk import DeskConsumer
from chat.live.consumers.visitor import VisitorConsumer
from chat.live.shutdown import PARTING_SECONDS

_CONSUMERS = {"/ws/visitor/": VisitorConsumer, "/ws/desk/": DeskConsumer}


async def socket_application(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    """Hand the socket to its consumer; an unknown path gets HTTP 403 and no line in the log."""
    consumer = _CONSUMERS.get(scope["path"])
    if consumer is None:
        await receive()
        await send({"type": "websocket.close"})
        return
    try:
        await consumer()(scope, receive, send)
    except asyncio.CancelledError:
        await asyncio.sleep(PARTING_SECONDS)
        raise

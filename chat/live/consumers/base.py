"""What a socket is: hello first, frames to handlers, answers in order, limits."""

import abc
import asyncio
import contextvars
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, cast

from channels.consumer import AsyncConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError

from chat.actions import messages
from chat.errors import (
    Flood,
    FrameAbuse,
    HelloFirst,
    HelloTimeout,
    OriginRefused,
    SlowReader,
    Unavailable,
)
from chat.live.backpressure import MAX_BUFFERED, buffered_bytes
from chat.live.bus import BusLayer
from chat.live.consumers.refusals import error_frame, logged_of
from chat.live.mailbox import Message
from chat.live.protocol.codec import Codec, Refused
from chat.live.protocol.frame import ClientFrame, ServerFrame, encode
from chat.live.protocol.server import Ack, Reconnect
from chat.live.rate_limits import FRAMES, TokenBucket
from chat.live.shutdown import part_before_shutdown
from chat.live.streams import Streams, streams
from tenants.errors import ProductError, TooFast
from tenants.log_context import add_log_ids

logger = logging.getLogger("switchboard.socket")

HELLO_SECONDS = 10.0
UNREADABLE_FRAMES = 10
REFUSED_FRAMES = 100
IN_FLIGHT = 64
# The server's WebSocket library sends no registered code but 1000; 4012 and 4013 are ours for 1012
# and 1013.
CLOSE_TRY_LATER = 4013
CLOSE_RESTART = 4012
CLOSE_SLOW_READER = 4008
_CHECK_BUFFER_EVERY = 16
DATABASE_GONE = (DatabaseError, OSError)

Handler = Callable[[Any, Any], Awaitable[None] | None]


class SocketConsumer(AsyncConsumer, abc.ABC):
    """One socket. The subclass says who may open it and what its frames do.

    A handler that returns None has done its work; one that waits for the database is awaited before
    the next frame is read. Channels' own dispatch is not used: for each frame it would hop to a
    thread to look after database connections that no handler on this loop holds.
    """

    codec: ClassVar[Codec[Any]]
    hello_type: ClassVar[type[ClientFrame]]
    handlers: ClassVar[Mapping[type[ClientFrame], Handler]]

    layer: BusLayer
    streams: Streams

    # --- What a subclass adds ---------------------------------------------------------------------

    @abc.abstractmethod
    async def may_open(self) -> bool:
        """Whether this path exists on this host; before the socket is accepted."""

    @abc.abstractmethod
    async def welcome(self, hello: Any) -> None:
        """Answer the hello. Raises a ProductError to end the socket."""

    def opened(self) -> None:
        """The socket stands; nothing was heard on it yet."""

    async def left(self) -> None:
        """The socket that was opened is gone."""

    async def on_layer_message(self, message: Message) -> None:
        """A message of the channel layer that is no frame."""

    # --- The life of a socket ---------------------------------------------------------------------

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self.scope = scope
        self.base_send = send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.in_flight = 0
        self._frames = TokenBucket(FRAMES)
        self._unreadable = self._refused = self._sent = 0
        self._draining = self._closed = self.restarting = False
        add_log_ids(socket=uuid.uuid4().hex)
        await receive()
        if not await self.may_open():
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        part_before_shutdown()
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self.layer = cast("BusLayer", get_channel_layer())
        self.streams = streams()
        self.channel_name = await self.layer.new_channel()
        self.mailbox = self.layer.mailbox(self.channel_name)
        self.mailbox.on_wake(self._wake)
        self.opened()
        try:
            await self._run(receive)
        except asyncio.CancelledError:
            self.restarting = True
            await self._restart()
            raise
        finally:
            self._closed = True
            self.layer.drop_channel(self.channel_name)
            await self.left()

    async def _run(self, receive: Callable[[], Awaitable[Message]]) -> None:
        try:
            self._check_origin()
            await self._hello(receive)
            self._context = contextvars.copy_context()
        except ProductError as error:
            await self.end_with(error, otherwise=CLOSE_TRY_LATER)
            return
        except DATABASE_GONE as error:
            logger.warning("A hello could not be answered: %s.", type(error).__name__)
            await self.end_with(Unavailable(), otherwise=CLOSE_TRY_LATER)
            return
        while True:
            message = await receive()
            # What a client goes on to say on a line that was ended is not heard.
            if message["type"] == "websocket.disconnect" or self._closed:
                return
            try:
                await self._received(message.get("text"))
            except ProductError as error:
                await self.end_with(error)
                return

    async def _hello(self, receive: Callable[[], Awaitable[Message]]) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                message = await receive()
        except TimeoutError:
            raise HelloTimeout from None
        if message["type"] == "websocket.disconnect":
            raise HelloTimeout
        if message.get("text") is None:
            raise FrameAbuse
        try:
            frame = self.codec.decode(message["text"])
        except Refused as refused:
            raise HelloFirst(str(refused.error)) from None
        if not isinstance(frame, self.hello_type):
            raise HelloFirst
        await self.welcome(frame)

    async def _received(self, text: str | None) -> None:
        """Answer one frame. Raises the ProductError that ends the socket."""
        if text is None:
            raise FrameAbuse
        wait = self._frames.take()
        if wait:
            self._refused += 1
            if self._refused > REFUSED_FRAMES:
                raise Flood
            self.say(error_frame(TooFast(retry_after=round(wait, 2))))
            return
        try:
            frame = self.codec.decode(text)
        except Refused as refused:
            self._unreadable += 1
            if self._unreadable >= UNREADABLE_FRAMES:
                raise FrameAbuse from None
            self.say(error_frame(refused.error, refused.frame_id))
            return
        handler = self.handlers.get(type(frame))
        if handler is None:
            raise HelloFirst
        frame_id = getattr(frame, "id", None)
        try:
            waiting = handler(self, frame)
            if waiting is not None:
                await waiting
        except ProductError as error:
            if error.close_code is not None:
                raise
            self.refuse(frame_id, error)
        except DATABASE_GONE as error:
            logger.warning(
                "A frame could not be served: %s.", type(error).__name__, extra=logged_of(frame)
            )
            self.refuse(frame_id, Unavailable())
        except Exception:
            logger.exception("A frame failed.", extra=logged_of(frame))
            self.refuse(frame_id, Unavailable(retry_after=5.0))

    def _check_origin(self) -> None:
        """RFC 6455 section 10.2: a browser names the page's site; it must be this very one."""
        host = self.headers.get(b"host", b"").decode("latin-1").lower()
        origin = self.headers.get(b"origin", b"").decode("latin-1").lower()
        if origin != f"{settings.PUBLIC_SCHEME}://{host}":
            raise OriginRefused

    async def end_with(self, error: ProductError, *, otherwise: int = 1000) -> None:
        """Say why, then close with the error's code."""
        await self._send_text(encode(error_frame(error)))
        await self._close(error.close_code or otherwise)

    async def _close(self, code: int) -> None:
        if not self._closed:
            self._closed = True
            await self.base_send({"type": "websocket.close", "code": code})

    async def _restart(self) -> None:
        """The process stops: the client comes back to another, or to the next one."""
        spread = 0.5 + (int(uuid.uuid4()) % 1000) / 500
        await self._send_text(encode(Reconnect(after=round(spread, 2))))
        await self._close(CLOSE_RESTART)
        # What waits is stored.
        await messages.committer().drain()

    # --- Answering --------------------------------------------------------------------------------

    def say(self, frame: ServerFrame) -> None:
        """Send a frame after what already waits for this socket."""
        self.mailbox.put({"type": "live.frame", "text": encode(frame)})

    def ack(self, frame_id: uuid.UUID, **facts: Any) -> None:
        self.say(Ack(id=frame_id, **facts))

    def refuse(self, frame_id: uuid.UUID | None, error: ProductError) -> None:
        self.say(error_frame(error, str(frame_id) if frame_id else None))

    def allow_in_flight(self) -> None:
        """Raises TooFast where too many messages of this socket wait for their commit."""
        if self.in_flight >= IN_FLIGHT:
            raise TooFast(retry_after=0.5)

    # --- Sending ----------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._draining:
            self._draining = True
            # With this socket's ids in the log, whoever woke it.
            self._loop.create_task(self._drain(), context=self._context)

    async def _drain(self) -> None:
        while (message := self.mailbox.take()) is not None:
            try:
                await self._deliver(message)
            except (ProductError, *DATABASE_GONE) as error:
                # What could not be read now is read at the next event or ping.
                logger.warning(
                    "A delivery failed: %s.", type(error).__name__, extra=logged_of(message)
                )
            except Exception:
                logger.exception("A delivery failed.", extra=logged_of(message))
        self._draining = False

    async def _deliver(self, message: Message) -> None:
        kind = message["type"]
        if kind == "live.frame":
            await self._send_text(message["text"])
        elif kind == "bus.overflow":
            await self.end_with(SlowReader())
        else:
            await self.on_layer_message(message)

    async def _send_text(self, text: str) -> None:
        if self._closed:
            return
        await self.base_send({"type": "websocket.send", "text": text})
        self._sent += 1
        if self._sent % _CHECK_BUFFER_EVERY == 0 and buffered_bytes(self.base_send) > MAX_BUFFERED:
            await self._close(CLOSE_SLOW_READER)

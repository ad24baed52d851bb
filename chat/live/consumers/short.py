"""A visitor's socket that lives as long as one HTTP request, where WebSockets are blocked.

It is the visitor's consumer with a script instead of a line: the hello, the frames of the request,
then the end. So whatever a socket checks, stores, refuses and tells holds here too.
"""

import abc
import asyncio
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from channels.layers import get_channel_layer

from chat.errors import OriginRefused, Unavailable
from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.consumers.visitor import VisitorConsumer
from chat.live.mailbox import Message
from chat.live.protocol import visitor as frames
from chat.live.protocol.fields import desk_key
from chat.live.protocol.frame import ServerFrame, encode
from chat.live.protocol.server import Presence
from chat.live.rate_limits import REQUESTS, shared_bucket
from tenants.errors import ProductError, TooFast
from tenants.resolution import CompanyRef

# One try of the group commit ends after 10 s; a second one is not waited for.
ANSWER_SECONDS = 12.0
# Polls of one visitor that may wait at once in this process; each of their tabs has one.
POLLS = 6
# What is stored together comes together.
TOGETHER_SECONDS = 0.03
# Between two polls nobody has left; after this long without another they have.
AWAY_SECONDS = 10.0

_waiting: Counter[uuid.UUID] = Counter()
_leaving: set["asyncio.Task[None]"] = set()


class ShortSocket(VisitorConsumer):
    """Awaited with `serve`, it leaves `answers` and, where it was ended, the `refusal`."""

    seconds: float

    def __init__(self, company: CompanyRef, hello: frames.Hello, texts: Iterable[str] = ()) -> None:
        self.company = company
        # Frames as JSON, in order.
        self.answers: list[str] = []
        self.refusal: ProductError | None = None
        self._news = asyncio.Event()
        self._script: deque[Message] = deque([{"type": "websocket.connect"}])
        for text in (msgspec.json.encode(hello).decode(), *texts):
            self._script.append({"type": "websocket.receive", "text": text})

    async def serve(self, scope: Mapping[str, Any]) -> None:
        """Do the work of the request. CancelledError: the server stops, and `answers` say so."""
        await self(scope, self._next, self._sent_out)

    def gone(self) -> None:
        """The client does not wait for the answer any more."""

    @abc.abstractmethod
    async def finished(self) -> None:
        """Return when the request can be answered."""

    async def out_of_time(self) -> None:
        """`seconds` are over and the request is not finished."""

    async def _next(self) -> Message:
        if self._script:
            return self._script.popleft()
        try:
            async with asyncio.timeout(self.seconds):
                await self.finished()
        except TimeoutError:
            await self.out_of_time()
        return {"type": "websocket.disconnect"}

    @abc.abstractmethod
    async def _sent_out(self, message: Message) -> None:
        """What a socket would write on the line."""

    # --- What differs from a line that stays ------------------------------------------------------

    async def may_open(self) -> bool:
        return True

    def _identify(self, token: str) -> str:
        """Their requests are counted, too. Raises TooFast."""
        origin = super()._identify(token)
        wait = shared_bucket("request", self.visitor_id, REQUESTS).take()
        if wait:
            raise TooFast(retry_after=round(wait, 2))
        return origin

    async def end_with(self, error: ProductError, *, otherwise: int = 1000) -> None:
        self.refusal = error
        self.refuse(None, error)
        self._news.set()
        await self._close(error.close_code or otherwise)

    def say(self, frame: ServerFrame) -> None:
        self.answers.append(encode(frame))


class FrameRequest(ShortSocket):
    """`POST /widget/frames`: the answers to the frames, each after its commit."""

    seconds = ANSWER_SECONDS

    async def finished(self) -> None:
        while self.in_flight:
            self._news.clear()
            await self._news.wait()

    async def out_of_time(self) -> None:
        await self.end_with(Unavailable())

    def say(self, frame: ServerFrame) -> None:
        super().say(frame)
        self._news.set()

    async def welcome(self, hello: frames.Hello) -> None:
        """None is said: whoever sends frames was welcomed before."""
        state = await self._meet(hello)
        if state is not None:
            await self._show(uuid.UUID(state.conversation), 0, is_over=state.state == "closed")

    async def _sent_out(self, message: Message) -> None:
        """What is not an answer comes by the poll."""

    async def _show(self, conversation_id: uuid.UUID, after: int, *, is_over: bool = False) -> None:
        # The conversation is theirs, and over or not: a frame must know no more than that.
        self.begin(self.company, conversation_id, after, is_over=is_over)

    async def tell_left(self) -> None:
        """A request says nothing about who stays."""


class Poll(ShortSocket):
    """`GET /widget/events`: the welcome, then what the client misses, or the next that comes."""

    def __init__(self, company: CompanyRef, hello: frames.Hello, seconds: float) -> None:
        super().__init__(company, hello)
        self.seconds = seconds

    async def finished(self) -> None:
        if not self.seconds or self._news.is_set():
            return
        if _waiting[self.visitor_id] >= POLLS:
            await self.end_with(TooFast(retry_after=5.0))
            return
        _waiting[self.visitor_id] += 1
        try:
            await self._news.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
        finally:
            _waiting[self.visitor_id] -= 1
            if not _waiting[self.visitor_id]:
                del _waiting[self.visitor_id]

    def gone(self) -> None:
        self._news.set()

    async def _sent_out(self, message: Message) -> None:
        if message["type"] != "websocket.send":
            return
        if self.answers:
            # After the welcome, so it is what the client waits for.
            self._news.set()
        self.answers.append(message["text"])

    def _check_origin(self) -> None:
        """A page's GET to its own site names no Origin; then Fetch Metadata says whose page it is.

        A browser without it is held back by the Authorization header, which a page of another site
        may not send unasked.
        """
        if b"origin" in self.headers:
            super()._check_origin()
        elif self.headers.get(b"sec-fetch-site", b"same-origin") != b"same-origin":
            raise OriginRefused

    async def tell_left(self) -> None:
        if self.restarting:
            return
        for conversation_id in self.cursors:
            task = asyncio.create_task(_away_later(self.company, conversation_id))
            _leaving.add(task)
            task.add_done_callback(_leaving.discard)


async def _away_later(company: CompanyRef, conversation_id: uuid.UUID) -> None:
    """Tell the desks that the visitor left, unless another poll or socket of theirs opens.

    That may happen in another process: what it tells the desks is heard here too.
    """
    layer = cast("BusLayer", get_channel_layer())
    desks = groups.desks_of(company.id, conversation_id)
    key = desk_key(company.slug, conversation_id)
    here, away = (encode(Presence(conversation=key, online=online)) for online in (True, False))
    channel = await layer.new_channel()
    layer.join(desks, channel)
    try:
        async with asyncio.timeout(AWAY_SECONDS):
            while (await layer.receive(channel)).get("text") != here:
                pass
    except TimeoutError:
        if not layer.has_members(groups.visitors_of(company.id, conversation_id)):
            layer.tell_group(desks, {"type": "live.frame", "text": away})
    finally:
        layer.drop_channel(channel)

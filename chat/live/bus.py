"""The channel layer: local groups, and one Redis subscription and one publish a loop turn.

Redis is a hint. Without it, everything inside this process goes on; what other processes miss they
find when they next look at the database (chat.live.streams).
"""

import asyncio
import itertools
import logging
import secrets
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import redis.asyncio
from channels.layers import BaseChannelLayer
from redis.exceptions import RedisError

from chat.live import wire
from chat.live.mailbox import Mailbox, Message

logger = logging.getLogger("switchboard.bus")

CAPACITY = 256
# What may wait for a Redis that is slow or gone; more is dropped, the sweep repairs it.
_OUTGOING_KEPT = 10_000
_FIRST_RETRY = 0.2
_LAST_RETRY = 5.0
_LOST_CANCEL = 0.5
_GONE = (RedisError, OSError)


class BusLayer(BaseChannelLayer):
    """Channels' layer API (`new_channel`, `send`, `receive`, `group_*`, `flush`, `close`)."""

    extensions = ["groups", "flush"]

    def __init__(
        self,
        url: str,
        prefix: str = "switchboard",
        expiry: int = 60,
        capacity: int = CAPACITY,
        channel_capacity: dict[str, int] | None = None,
    ) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            expiry=expiry, capacity=capacity, channel_capacity=channel_capacity
        )
        self._url = url
        self._channel = wire.channel_name(prefix)
        self.process = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._mailboxes: dict[str, Mailbox] = {}
        self._groups: dict[str, set[Mailbox]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._forget_outgoing()
        self.connected = False
        # Set by chat.live.streams, which follows the conversations of this process.
        self.on_hint: Callable[[wire.Hint], None] | None = None
        self.on_reconnect: Callable[[], None] | None = None

    # --- The layer API ----------------------------------------------------------------------------

    async def new_channel(self, prefix: str = "bus") -> str:
        self.start()
        name = f"{prefix}.{self.process}!{next(self._numbers)}"
        self._mailboxes[name] = Mailbox(self.capacity)
        return name

    async def send(self, channel: str, message: Message) -> None:
        mailbox = self._mailboxes.get(channel)
        if mailbox is not None:
            mailbox.put(message)
            return
        self._channels.append((channel, message))
        self._kick()

    async def receive(self, channel: str) -> Message:
        mailbox = self._mailboxes.setdefault(channel, Mailbox(self.capacity))
        try:
            return await mailbox.get()
        except asyncio.CancelledError:
            if not len(mailbox):
                self.drop_channel(channel)
            raise

    async def group_add(self, group: str, channel: str) -> None:
        self.join(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self.leave(group, channel)

    async def group_send(self, group: str, message: Message) -> None:
        self.tell_group(group, message)

    async def flush(self) -> None:
        """Forget every channel, group and unsent hint of this process."""
        self._mailboxes.clear()
        self._groups.clear()
        self._forget_outgoing()

    async def close(self) -> None:
        """Leave Redis. The layer starts again with the next `new_channel`."""
        tasks, self._tasks, self._loop = self._tasks, [], None
        while tasks:
            for task in tasks:
                task.cancel()
            # asyncio.wait_for, by which the client sends, loses a cancellation that meets its end
            # (CPython gh-86296, until 3.12).
            _, left = await asyncio.wait(tasks, timeout=_LOST_CANCEL)
            tasks = list(left)
        self.connected = False

    # --- The same without awaiting, for the process's own loop ------------------------------------

    def start(self) -> None:
        """Join the bus on the running loop; does nothing where that is done."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        self._loop = loop
        self._outgoing = asyncio.Event()
        self._tasks = [loop.create_task(self._listen()), loop.create_task(self._publish())]

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop the layer runs on, None before it started."""
        return self._loop

    def mailbox(self, channel: str) -> Mailbox:
        return self._mailboxes[channel]

    def join(self, group: str, channel: str) -> None:
        mailbox = self._mailboxes.setdefault(channel, Mailbox(self.capacity))
        self._groups.setdefault(group, set()).add(mailbox)
        mailbox.groups.add(group)

    def leave(self, group: str, channel: str) -> None:
        mailbox = self._mailboxes.get(channel)
        if mailbox is not None:
            self._leave(group, mailbox)

    def drop_channel(self, channel: str) -> None:
        """Forget a channel and take it out of its groups."""
        mailbox = self._mailboxes.pop(channel, None)
        if mailbox is not None:
            for group in list(mailbox.groups):
                self._leave(group, mailbox)

    def has_members(self, group: str) -> bool:
        return group in self._groups

    def tell_local(self, group: str, message: Message, *, but: Mailbox | None = None) -> None:
        """Put a message into the mailboxes of this process's members (except `but`)."""
        for mailbox in self._groups.get(group, ()):
            if mailbox is not but:
                mailbox.put(message)

    def tell_group(self, group: str, message: Message, *, but: Mailbox | None = None) -> None:
        """`tell_local`, and the same in every other process. No word of a person goes in here."""
        self.tell_local(group, message, but=but)
        self.pass_on([(group, message)])

    def pass_on(self, messages: list[tuple[str, Message]]) -> None:
        """Tell the other processes' members of groups."""
        if messages:
            self._remote_groups.extend(messages)
            self._kick()

    def hint(self, company_id: uuid.UUID, conversation_id: uuid.UUID, seq: int) -> None:
        """Tell the other processes that a conversation has events up to `seq`."""
        self._hints[conversation_id] = wire.Hint(company_id, conversation_id, seq)
        self._kick()

    def apply(self, batch: wire.Batch) -> None:
        """Deliver another process's batch to this process's members."""
        if self.on_hint is not None:
            for hint in batch.hints:
                self.on_hint(hint)
        for group, message in batch.groups:
            self.tell_local(group, message)
        for channel, message in batch.channels:
            mailbox = self._mailboxes.get(channel)
            if mailbox is not None:
                mailbox.put(message)

    # --- Redis ------------------------------------------------------------------------------------

    def _leave(self, group: str, mailbox: Mailbox) -> None:
        mailbox.groups.discard(group)
        members = self._groups.get(group)
        if members is not None:
            members.discard(mailbox)
            if not members:
                del self._groups[group]

    def _forget_outgoing(self) -> None:
        self._hints: dict[uuid.UUID, wire.Hint] = {}
        self._remote_groups: list[tuple[str, Message]] = []
        self._channels: list[tuple[str, Message]] = []

    def _kick(self) -> None:
        if self._loop is not None:
            self._outgoing.set()

    def _take_outgoing(self) -> bytes | None:
        hints, groups, channels = self._hints, self._remote_groups, self._channels
        self._forget_outgoing()
        if not (hints or groups or channels):
            return None
        return wire.encode(
            wire.Batch(
                self.process,
                list(hints.values())[-_OUTGOING_KEPT:],
                groups[-_OUTGOING_KEPT:],
                channels[-_OUTGOING_KEPT:],
            )
        )

    def _client(self, **options: Any) -> "redis.asyncio.Redis":
        return redis.asyncio.Redis.from_url(
            self._url, socket_connect_timeout=2, socket_keepalive=True, **options
        )

    async def _listen(self) -> None:
        """Stay subscribed: after a loss again, and then have what was missed looked up."""
        wait = _FIRST_RETRY
        while True:
            # No timeout on reads: a quiet channel is no fault.
            client = self._client(socket_timeout=None)
            pubsub = client.pubsub(ignore_subscribe_messages=False)
            try:
                await pubsub.subscribe(self._channel)
                async for message in pubsub.listen():
                    if message["type"] == "subscribe":
                        wait = _FIRST_RETRY
                        self._subscribed()
                    elif message["type"] == "message":
                        self._received(message["data"])
            except _GONE as error:
                logger.warning("The bus lost Redis: %s.", type(error).__name__)
            finally:
                self.connected = False
                await _close(pubsub, client)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LAST_RETRY)

    def _subscribed(self) -> None:
        self.connected = True
        if self.on_reconnect is not None:
            self.on_reconnect()

    def _received(self, data: bytes) -> None:
        try:
            batch = wire.decode(data)
        except msgspec.DecodeError:
            logger.warning("The bus heard something that is no batch.")
            return
        if batch.process == self.process:
            return
        try:
            self.apply(batch)
        except Exception:
            logger.exception("A batch could not be delivered.")

    async def _publish(self) -> None:
        client = self._client(socket_timeout=2)
        try:
            while True:
                await self._outgoing.wait()
                self._outgoing.clear()
                try:
                    data = self._take_outgoing()
                    if data is not None:
                        await client.publish(self._channel, data)
                except (TypeError, ValueError):
                    logger.exception("A batch could not be written.")
                except _GONE as error:
                    logger.warning("A batch of hints was lost: %s.", type(error).__name__)
                    await asyncio.sleep(_FIRST_RETRY)
        finally:
            await _close(client)


async def _close(*resources: Any) -> None:
    for resource in resources:
        try:
            await resource.aclose()
        except _GONE:
            continue

"""What waits for one channel: bounded, so that one who does not read costs nobody else."""

import asyncio
import collections
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
OVERFLOW: Message = {"type": "bus.overflow"}


class Mailbox:
    """Messages of one channel, oldest first. Overflowing, it keeps nothing but the news of that."""

    __slots__ = ("_capacity", "_messages", "_waiter", "_wake", "groups", "overflowed")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._messages: collections.deque[Message] = collections.deque()
        self._wake: Callable[[], None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.groups: set[str] = set()
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._messages)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever a message arrives in an empty mailbox."""
        self._wake = wake

    def put(self, message: Message) -> None:
        if self.overflowed:
            return
        messages = self._messages
        if len(messages) >= self._capacity:
            self.overflowed = True
            messages.clear()
            message = OVERFLOW
        messages.append(message)
        if len(messages) == 1 or self.overflowed:
            if self._wake is not None:
                self._wake()
            elif self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    def take(self) -> Message | None:
        """The oldest message, None when there is none."""
        return self._messages.popleft() if self._messages else None

    async def get(self) -> Message:
        """The oldest message, when there is one."""
        while not self._messages:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._messages.popleft()

"""What a socket follows: the events of conversations, each in order and once."""

import abc
import logging
import uuid
from typing import ClassVar, cast

from chat.live.consumers.base import DATABASE_GONE, SocketConsumer
from chat.live.consumers.cursor import Cursor
from chat.live.mailbox import Message
from chat.live.render import EventFrames
from chat.queries import thread
from tenants.async_db import run_in_company
from tenants.errors import NotFound, ProductError
from tenants.log_context import log_ids
from tenants.resolution import CompanyRef

logger = logging.getLogger("switchboard.socket")

FOLLOWED = 200


class FollowingConsumer(SocketConsumer):
    """A socket that is sent conversations' events. The subclass says which, and to which side."""

    for_visitor: ClassVar[bool]

    def opened(self) -> None:
        self.cursors: dict[uuid.UUID, Cursor] = {}

    async def left(self) -> None:
        try:
            await self.tell_left()
        finally:
            for conversation_id in self.cursors:
                self.streams.unfollow(conversation_id)

    async def tell_left(self) -> None:
        """Tell those whom it concerns that this socket is gone."""

    async def _deliver(self, message: Message) -> None:
        if message["type"] == "live.event":
            await self._deliver_event(message["event"])
        else:
            await super()._deliver(message)

    async def _deliver_event(self, frames: EventFrames) -> None:
        event = frames.event
        cursor = self.cursors.get(event.conversation_id)
        seq = event.visitor_seq if self.for_visitor else event.seq
        if cursor is None or seq is None:
            return
        if cursor.is_reading:
            cursor.hold(frames)
        elif seq == cursor.seq + 1:
            await self._advance(cursor, frames)
        elif seq > cursor.seq:
            await self.catch_up(event.conversation_id)

    async def _advance(self, cursor: Cursor, frames: EventFrames) -> None:
        """Send a conversation's next event; no event is passed over."""
        cursor.seq += 1
        if frames.event.kind == "conversation.changed" and frames.event.body["state"] == "closed":
            cursor.is_over = True
        if frames.sender is not self:
            await self._send_text(frames.for_visitor if self.for_visitor else frames.for_desk)

    def begin(
        self, company: CompanyRef, conversation_id: uuid.UUID, after: int, *, is_over: bool = False
    ) -> Cursor:
        """Hear a conversation from now on; what comes is held until `follow` has read the rest.

        `is_over`: it is known to have ended.
        """
        cursor = self.cursors.pop(conversation_id, None)
        if cursor is None:
            while len(self.cursors) >= FOLLOWED:
                self.make_room()
            cursor = Cursor(company, after, is_reading=True)
            self.layer.join(self.group_of(company, conversation_id), self.channel_name)
            self.streams.follow(company, conversation_id)
        # Behind all that were asked for before.
        self.cursors[conversation_id] = cursor
        # Back, if the client wishes, but never on: the events in between may say whose it is.
        cursor.seq = min(after, cursor.seq)
        cursor.is_over = cursor.is_over or is_over
        return cursor

    async def follow(self, company: CompanyRef, conversation_id: uuid.UUID, after: int) -> None:
        """Send every event after `after`, then each new one as it comes."""
        self.begin(company, conversation_id, after)
        await self.catch_up(conversation_id)

    def make_room(self) -> None:
        """Let go of a conversation, the one that was asked for longest ago."""
        self.unfollow(next(iter(self.cursors)))

    def unfollow(self, conversation_id: uuid.UUID) -> None:
        cursor = self.cursors.pop(conversation_id, None)
        if cursor is not None:
            self.layer.leave(self.group_of(cursor.company, conversation_id), self.channel_name)
            self.streams.unfollow(conversation_id)

    def ended(self, conversation_id: uuid.UUID) -> None:
        """This socket ended the conversation; the event that says so is on its way."""
        cursor = self.cursors.get(conversation_id)
        if cursor is not None:
            cursor.is_over = True

    @abc.abstractmethod
    def group_of(self, company: CompanyRef, conversation_id: uuid.UUID) -> str:
        """The group that hears the conversation on this side."""

    async def catch_up(self, conversation_id: uuid.UUID) -> None:
        """Send from storage what this socket misses of a conversation."""
        cursor = self.cursors.get(conversation_id)
        if cursor is None:
            raise NotFound
        cursor.is_reading = cursor.is_behind = True
        try:
            await self._read_rest(conversation_id, cursor)
            cursor.is_behind = False
        finally:
            cursor.is_reading = False
        for frames in cursor.take_held():
            await self._deliver_event(frames)

    async def catch_up_all(self) -> None:
        """Send what this socket is known to miss. Queries: 0 where that is nothing.

        Where the database is gone it is left to the next ping.
        """
        known = self.streams.delivered_to_visitors if self.for_visitor else self.streams.delivered
        for pk, cursor in list(self.cursors.items()):
            # What is known to the stream may be on its way to this socket.
            missing = cursor.is_behind or (not self._draining and known(pk) > cursor.seq)
            if missing and not cursor.is_reading and pk in self.cursors:
                with log_ids(company=cursor.company.id, conversation=pk):
                    try:
                        await self.catch_up(pk)
                    except (ProductError, *DATABASE_GONE) as error:
                        told = type(error).__name__
                        logger.warning("Missing events could not be read: %s.", told)
                        return

    async def _read_rest(self, conversation_id: uuid.UUID, cursor: Cursor) -> None:
        while True:
            events, complete_to = await run_in_company(
                cursor.company,
                thread.replay,
                conversation_id,
                cursor.seq,
                for_visitor=self.for_visitor,
            )
            for event in events:
                seq = cast("int", event.visitor_seq) if self.for_visitor else event.seq
                # Two readings at once may meet: each event goes out once.
                if seq == cursor.seq + 1:
                    await self._advance(cursor, EventFrames(cursor.company.slug, event))
                if self.cursors.get(conversation_id) is not cursor:
                    return
            if len(events) < thread.PAGE:
                self.streams.read_up_to(conversation_id, complete_to)
                return

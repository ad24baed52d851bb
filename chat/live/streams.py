"""Which conversations this process's sockets follow, and bringing them every event in order.

An event stored by this process is delivered from memory; of one stored elsewhere comes a hint, and
the rows are read, one query for each company however many hints came. A sweep looks for what no
hint told: at once after Redis was away, and every SWEEP_SECONDS anyway.
"""

import abc
import asyncio
import dataclasses
import logging
import uuid
from typing import Any, TypeVar

from channels.layers import get_channel_layer
from django.db import DatabaseError

from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.render import EventFrames
from chat.live.wire import Hint
from chat.queries import thread
from chat.queries.event_bodies import StoredEvent
from tenants.async_db import run_in_company, run_in_public
from tenants.errors import ProductError
from tenants.keyring import store
from tenants.resolution import CompanyRef

logger = logging.getLogger("switchboard.streams")

SWEEP_SECONDS = 10.0
P = TypeVar("P", bound="Part")


@dataclasses.dataclass(slots=True, eq=False)
class Followed:
    """One conversation that at least one socket of this process shows."""

    company: CompanyRef
    followers: int = 0
    # The last desk seq handed to the sockets; None until the first is known.
    delivered: int | None = None
    # The last seq handed to visitors' sockets, in their numbering; 0 until one was.
    delivered_to_visitors: int = 0


class Part(abc.ABC):
    """What a process has one of, and what looks for lost news whenever the streams do."""

    def __init__(self, layer: BusLayer) -> None:
        self.layer = layer

    @abc.abstractmethod
    async def sweep(self) -> None:
        """Look for what no hint told."""


class Streams(Part):
    """The streams of one process."""

    def __init__(self, layer: BusLayer) -> None:
        super().__init__(layer)
        self._followed: dict[uuid.UUID, Followed] = {}
        # Conversations with events that this process has not read yet.
        self._behind: set[uuid.UUID] = set()
        self._reading: asyncio.Task[None] | None = None
        self._sweep_now = asyncio.Event()
        layer.on_hint = self._hinted
        layer.on_reconnect = self._sweep_now.set
        self._parts: dict[type[Part], Any] = {}
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_forever())

    def part(self, kind: type[P]) -> P:
        """This process's one `kind`; it is made when it is first asked for."""
        found: P | None = self._parts.get(kind)
        if found is None:
            found = self._parts[kind] = kind(self.layer)
        return found

    def follow(self, company: CompanyRef, conversation_id: uuid.UUID) -> None:
        """A socket begins to show the conversation."""
        followed = self._followed.get(conversation_id)
        if followed is None:
            followed = self._followed[conversation_id] = Followed(company)
        followed.followers += 1

    def unfollow(self, conversation_id: uuid.UUID) -> None:
        followed = self._followed.get(conversation_id)
        if followed is None:
            return
        followed.followers -= 1
        if followed.followers <= 0:
            del self._followed[conversation_id]
            self._behind.discard(conversation_id)

    def read_up_to(self, conversation_id: uuid.UUID, seq: int) -> None:
        """A socket was sent everything up to `seq` (desk numbering) from storage."""
        followed = self._followed.get(conversation_id)
        if followed is not None and followed.delivered is None:
            followed.delivered = seq

    def delivered(self, conversation_id: uuid.UUID) -> int:
        """The last desk seq known here."""
        followed = self._followed.get(conversation_id)
        return (followed.delivered or 0) if followed else 0

    def delivered_to_visitors(self, conversation_id: uuid.UUID) -> int:
        """The last seq that visitors' sockets were handed, in their numbering; 0 where none was."""
        followed = self._followed.get(conversation_id)
        return followed.delivered_to_visitors if followed else 0

    def stored(self, company: CompanyRef, event: StoredEvent, sender: object) -> None:
        """This process stored an event: deliver it here, hint it elsewhere."""
        followed = self._followed.get(event.conversation_id)
        if followed is not None:
            self._take(followed, event, sender)
        self.layer.hint(company.id, event.conversation_id, event.seq)

    async def close(self) -> None:
        for task in (self._sweeper, self._reading):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    # --- Delivering -------------------------------------------------------------------------------

    def _take(self, followed: Followed, event: StoredEvent, sender: object = None) -> None:
        if followed.delivered is not None and event.seq <= followed.delivered:
            return
        if followed.delivered is not None and event.seq > followed.delivered + 1:
            # Something before it was stored elsewhere: both come from storage, in order.
            self._read_soon(event.conversation_id)
            return
        followed.delivered = event.seq
        message = {
            "type": "live.event",
            "event": EventFrames(followed.company.slug, event, sender),
        }
        company_id, conversation_id = followed.company.id, event.conversation_id
        self.layer.tell_local(groups.desks_of(company_id, conversation_id), message)
        if event.visitor_seq is not None:
            followed.delivered_to_visitors = event.visitor_seq
            self.layer.tell_local(groups.visitors_of(company_id, conversation_id), message)

    def _hinted(self, hint: Hint) -> None:
        followed = self._followed.get(hint.conversation_id)
        # The company is part of the question: a hint cannot make one company's row go to another.
        if followed is None or followed.company.id != hint.company_id:
            return
        if followed.delivered is None or hint.seq > followed.delivered:
            self._read_soon(hint.conversation_id)

    # --- Reading ----------------------------------------------------------------------------------

    def _read_soon(self, conversation_id: uuid.UUID) -> None:
        self._behind.add(conversation_id)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        while self._behind:
            wanted: dict[CompanyRef, dict[uuid.UUID, int]] = {}
            for conversation_id in self._behind:
                followed = self._followed.get(conversation_id)
                # Nobody was sent anything yet: their own first read brings it.
                if followed is not None and followed.delivered is not None:
                    after = wanted.setdefault(followed.company, {})
                    after[conversation_id] = followed.delivered
            self._behind.clear()
            await asyncio.gather(*(self._read_company(c, after) for c, after in wanted.items()))

    async def _read_company(self, company: CompanyRef, after: dict[uuid.UUID, int]) -> None:
        try:
            events = await run_in_company(company, thread.events_of_many, after)
        except (DatabaseError, ProductError, OSError) as error:
            logger.warning("Events could not be read: %s.", type(error).__name__)
            return
        for event in events:
            followed = self._followed.get(event.conversation_id)
            if followed is not None:
                self._take(followed, event)
        if len(events) >= thread.PAGE:
            self._behind.update(after)

    # --- Looking for what no hint told ------------------------------------------------------------

    async def _sweep_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._sweep_now.wait()
            except TimeoutError:
                pass
            self._sweep_now.clear()
            # Nobody else does, in a process that encrypts nothing any more.
            store.forget_expired()
            for part in (self, *self._parts.values()):
                try:
                    await part.sweep()
                except (DatabaseError, ProductError, OSError) as error:
                    logger.warning("The sweep failed: %s.", type(error).__name__)
                except Exception:
                    # The next one may find what this one could not.
                    logger.exception("The sweep failed.")

    async def sweep(self) -> None:
        """Compare every followed conversation with its row: one query for a hundred companies."""
        wanted: dict[str, list[uuid.UUID]] = {}
        for conversation_id, followed in self._followed.items():
            wanted.setdefault(followed.company.schema_name, []).append(conversation_id)
        if not wanted:
            return
        last = await run_in_public(thread.last_seqs_by_schema, wanted)
        for conversation_id, seq in last.items():
            if conversation_id in self._followed and seq > self.delivered(conversation_id):
                self._read_soon(conversation_id)


_by_loop: dict[asyncio.AbstractEventLoop, Streams] = {}


def streams() -> Streams:
    """This process's streams, on the running loop."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        layer = get_channel_layer()
        if not isinstance(layer, BusLayer):
            raise TypeError("CHANNEL_LAYERS must name chat.live.bus.BusLayer.")
        for stale in [known for known in _by_loop if known.is_closed()]:
            del _by_loop[stale]
        layer.start()
        found = _by_loop[loop] = Streams(layer)
    return found

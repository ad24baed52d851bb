"""The desks open in this process, and looking for what no news told them.

Offers, assignments and who may see what are told by hints, which may be lost. So now and then, when
the streams look for events as well, the ids of what each person has are compared with what their
desks show: two queries for all desks, and only a desk that misses something reads.
"""

import dataclasses
import uuid
import weakref
from collections.abc import Collection
from typing import Protocol

from chat.live.mailbox import Mailbox
from chat.live.streams import Streams, streams
from chat.queries.desk_companies import Seat, seats_of_many
from routing import interface as routing
from tenants.async_db import run_in_public


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """What a person has at the desk now, as ids alone."""

    seats: frozenset[Seat]
    work: routing.AgentWork


class Desk(Protocol):
    """One socket of a desk."""

    mailbox: Mailbox

    def misses(self, now: Standing) -> bool:
        """Whether the desk shows something else than it should."""


class Desks:
    """The open desks of one process, by whose they are."""

    def __init__(self) -> None:
        self._open: dict[uuid.UUID, set[Desk]] = {}

    def came(self, user_id: uuid.UUID, desk: Desk) -> None:
        self._open.setdefault(user_id, set()).add(desk)

    def left(self, user_id: uuid.UUID, desk: Desk) -> bool:
        """Forget the desk; True where it was the person's last one here."""
        still_open = self._open[user_id]
        still_open.discard(desk)
        if still_open:
            return False
        del self._open[user_id]
        return True

    async def sweep(self) -> None:
        """Have the desks that miss something look. Queries: 2, whatever their number."""
        if not self._open:
            return
        found = await run_in_public(_standings, list(self._open))
        for user_id, now in found.items():
            for desk in self._open.get(user_id, ()):
                if desk.misses(now):
                    desk.mailbox.put({"type": "agent.look"})


def _standings(user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    seats = seats_of_many(user_ids)
    work = routing.work_of_many(user_ids)
    return {
        pk: Standing(seats.get(pk, frozenset()), work.get(pk, routing.AgentWork()))
        for pk in user_ids
    }


_of_streams: weakref.WeakKeyDictionary[Streams, Desks] = weakref.WeakKeyDictionary()


def desks() -> Desks:
    """This process's desks, on the running loop."""
    here = streams()
    found = _of_streams.get(here)
    if found is None:
        found = _of_streams[here] = Desks()
        here.sweeps.append(found.sweep)
    return found

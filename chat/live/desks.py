"""The desks open in this process, and looking for what no news told them.

Offers, assignments and who may see what are told by hints, which may be lost; that a session ended
or a password changed may be told by nobody. So now and then, when the streams look for events as
well, the ids of what each person has are compared with what their desks show: a few queries for all
desks, and only a desk that misses something reads.
"""

import asyncio
import dataclasses
import uuid
from collections.abc import Collection
from typing import Protocol

from django.contrib.sessions.models import Session
from django.utils import timezone

from chat.live.bus import BusLayer
from chat.live.mailbox import Mailbox
from chat.live.streams import Part
from chat.queries.desk_companies import Seat, seats_of_many
from routing import interface as routing
from tenants.async_db import run_in_public
from tenants.models import User

# Desks compared before the loop has its turn with everything else.
DESKS_A_TURN = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """Who a person is now, and what they have at the desk, as ids alone."""

    user: User | None
    seats: frozenset[Seat]
    work: routing.AgentWork
    # Of all sessions with an open desk here, those that have not ended.
    sessions: frozenset[str]


class Desk(Protocol):
    """One socket of a desk."""

    mailbox: Mailbox
    session: str | None

    def misses(self, now: Standing) -> bool:
        """Whether the desk shows something else than it should, or should be open no longer."""


class Desks(Part):
    """The open desks of one process, by whose they are."""

    def __init__(self, layer: BusLayer) -> None:
        super().__init__(layer)
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
        """Keep the agents present, and have the desks that miss something look.

        Queries: 5, whatever their number.
        """
        if not self._open:
            return
        sessions = {desk.session for desks in self._open.values() for desk in desks if desk.session}
        found = await run_in_public(_look, list(self._open), sessions)
        compared = 0
        for user_id, now in found.items():
            # Nobody comes or leaves within a person's desks: the loop is given way to between.
            for desk in self._open.get(user_id, ()):
                compared += 1
                if desk.misses(now):
                    desk.mailbox.put({"type": "agent.look"})
            if compared >= DESKS_A_TURN:
                compared = 0
                await asyncio.sleep(0)


def _look(user_ids: Collection[uuid.UUID], sessions: Collection[str]) -> dict[uuid.UUID, Standing]:
    """Renew the leases of who is here, and tell how each of them stands."""
    routing.renew_leases(agent_ids=user_ids)
    seats = seats_of_many(user_ids)
    work = routing.work_of_many(user_ids)
    people = User.objects.in_bulk(list(user_ids))
    standing = frozenset(
        Session.objects.filter(
            session_key__in=sessions, expire_date__gt=timezone.now()
        ).values_list("session_key", flat=True)
    )
    return {
        pk: Standing(
            user=people.get(pk),
            seats=seats.get(pk, frozenset()),
            work=work.get(pk, routing.AgentWork()),
            sessions=standing,
        )
        for pk in user_ids
    }

"""Locks and load. The order of locks is: conversation (chat's), queue entry, agent; never back."""

import datetime
import uuid

from django.db.models import Case, F, Q, Value, When

from routing import policy
from routing.errors import NotAnAgent
from routing.models import AgentProfile, Offer, QueueEntry
from routing.values import ClosedOffer


def lock_agent(agent_id: uuid.UUID) -> AgentProfile:
    """The agent's row, locked until the transaction ends. Raises NotAnAgent."""
    agent = AgentProfile.objects.select_for_update(no_key=True).filter(pk=agent_id).first()
    if agent is None:
        raise NotAnAgent
    return agent


def lock_entry(**which: object) -> QueueEntry | None:
    """The entry that `which` names, locked until the transaction ends; None if there is none."""
    return QueueEntry.objects.select_for_update(no_key=True).filter(**which).first()


def free(agent_id: uuid.UUID, weight: int, **also: object) -> None:
    """Take `weight` off the agent's load, and set what else is given, in one statement."""
    AgentProfile.objects.filter(pk=agent_id).update(
        load=F("load") - weight,
        # An override lasts as long as it is needed.
        override_by=Case(
            When(Q(load__lte=F("capacity") + weight), then=Value(None)),
            default=F("override_by"),
        ),
        **also,
    )


def close_offer(
    offer: Offer,
    entry: QueueEntry,
    *,
    state: Offer.State,
    now: datetime.datetime,
    exclude: bool,
    **also: object,
) -> ClosedOffer | None:
    """End a live offer that was not accepted: the entry waits again, the agent is freed.

    The entry is locked by the caller. `exclude`: not to be asked again in this round; `also` is
    set on the agent. None if the offer is not live any more.
    """
    ended = Offer.objects.filter(pk=offer.pk, state=Offer.State.OFFERED).update(
        state=state, decided_at=now
    )
    if not ended:
        return None
    entry.state = QueueEntry.State.WAITING
    if exclude:
        entry.excluded_agents = [*entry.excluded_agents, offer.agent_id]
    entry.save(update_fields=["state", "excluded_agents"])
    free(offer.agent_id, entry.weight, **also)
    return ClosedOffer(offer.pk, offer.agent_id, entry.company_id, entry.conversation_id, state)


def cool_down(now: datetime.datetime) -> datetime.datetime:
    return now + datetime.timedelta(seconds=policy.COOL_DOWN_SECONDS)

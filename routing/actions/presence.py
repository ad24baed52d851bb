"""Whether agents are there: their status is theirs to change, their lease is kept by their desk."""

import datetime
import uuid
from collections.abc import Collection

from django.db import transaction

from routing import policy
from routing.actions.load import lock_agent
from routing.actions.offers import withdraw_offers
from routing.clock import ClockTimestamp, database_now, moved
from routing.errors import BadStatus
from routing.models import AgentProfile, Assignment, AwayReason, PresenceChange
from routing.queries.agents import refs_of, state_of
from routing.values import AgentState, AssignmentRef, ClosedOffer

_CHOSEN = {
    AgentProfile.Status.AVAILABLE.value,
    AgentProfile.Status.AWAY.value,
    AgentProfile.Status.OFFLINE.value,
}
_REASONS = set(AwayReason.values) - {AwayReason.ABSENT.value, AwayReason.MISSED.value}


def set_status(
    *,
    agent_id: uuid.UUID,
    status: str,
    reason: str = "",
    now: datetime.datetime | None = None,
) -> tuple[AgentState, list[ClosedOffer]]:
    """Set what the agent chose: available, away (with a reason of the list) or offline.

    Their live offers are taken back unless they are available; it returns those too. Raises
    BadStatus, NotAnAgent.
    """
    if status not in _CHOSEN or reason not in _REASONS:
        raise BadStatus
    if status != AgentProfile.Status.AWAY:
        reason = ""
    with transaction.atomic():
        agent = lock_agent(agent_id)
        now = now or database_now()
        agent.misses = 0
        if (agent.status, agent.away_reason) != (status, reason):
            _note_status(agent, status, reason, now)
        agent.save(update_fields=["misses"])
    closed = []
    if status != AgentProfile.Status.AVAILABLE:
        closed = withdraw_offers(agent_id=agent_id)
        agent.refresh_from_db(fields=["load"])
    return state_of(agent, now), closed


def renew_lease(*, agent_id: uuid.UUID, seconds: int = policy.LEASE_SECONDS) -> bool:
    """Count the agent's desk as connected for `seconds` from now; False: no agent. Queries: 1."""
    return bool(
        AgentProfile.objects.filter(pk=agent_id).update(
            lease_expires_at=moved(ClockTimestamp(), seconds)
        )
    )


def renew_leases(*, agent_ids: Collection[uuid.UUID]) -> None:
    """Count the desks of all these agents as connected, those of them who are agents. Queries: 1.

    It locks in the order of the ids, as whoever locks several agents does.
    """
    in_order = (
        AgentProfile.objects.select_for_update(no_key=True)
        .filter(pk__in=agent_ids)
        .order_by("pk")
        .values("pk")
    )
    with transaction.atomic():
        AgentProfile.objects.filter(pk__in=in_order).update(
            lease_expires_at=moved(ClockTimestamp(), policy.LEASE_SECONDS)
        )


def drop_lease(*, agent_id: uuid.UUID) -> None:
    """The agent's last desk has closed: no new offers from now on. Queries: 1."""
    AgentProfile.objects.filter(pk=agent_id).update(lease_expires_at=ClockTimestamp())


def release_absent(*, now: datetime.datetime | None = None) -> list[AssignmentRef]:
    """Set agents offline whose lease is lost for longer than the grace; tell what they still hold.

    The caller gives each conversation back by requeue(reason="absent"); until then it is told
    again. Queries: 3, and two for each agent who goes offline.
    """
    now = now or database_now()
    lost_before = now - datetime.timedelta(seconds=policy.GRACE_SECONDS)
    gone = AgentProfile.objects.filter(lease_expires_at__lte=lost_before)
    for agent_id in list(
        gone.exclude(status=AgentProfile.Status.OFFLINE).values_list("pk", flat=True)
    ):
        with transaction.atomic():
            agent = (
                AgentProfile.objects.select_for_update(no_key=True)
                .filter(pk=agent_id, lease_expires_at__lte=lost_before)
                .first()
            )
            if agent is not None:
                _note_status(agent, AgentProfile.Status.OFFLINE, AwayReason.ABSENT, now)
    return refs_of(
        Assignment.objects.filter(ended_at=None, agent__lease_expires_at__lte=lost_before)
    )


def _note_status(agent: AgentProfile, status: str, reason: str, now: datetime.datetime) -> None:
    agent.status, agent.away_reason, agent.status_since = status, reason, now
    agent.save(update_fields=["status", "away_reason", "status_since"])
    PresenceChange.objects.create(agent=agent, at=now, status=status, reason=reason)

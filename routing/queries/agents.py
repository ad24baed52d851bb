import datetime
import uuid
from collections import defaultdict
from collections.abc import Collection
from typing import cast

from django.db import connection
from django.db.models import QuerySet

from routing.clock import ClockTimestamp
from routing.errors import NotAnAgent
from routing.models import AgentProfile, Assignment, Grant
from routing.models.agent import is_member
from routing.values import AgentState, AgentWork, AssignmentRef, Status

# An offer that accepts itself rings at no desk.
_WORK = """
    SELECT a.agent_id, e.company_id, e.conversation_id, NULL::uuid
    FROM routing_assignment a JOIN routing_queueentry e ON e.id = a.entry_id
    WHERE a.ended_at IS NULL AND a.agent_id = ANY(%(agents)s)
    UNION ALL
    SELECT o.agent_id, e.company_id, e.conversation_id, o.id
    FROM routing_offer o JOIN routing_queueentry e ON e.id = o.entry_id
    WHERE o.state = 'offered' AND NOT o.auto_accept AND o.agent_id = ANY(%(agents)s)
"""


def state_of(agent: AgentProfile, now: datetime.datetime) -> AgentState:
    return AgentState(
        status=cast("Status", agent.status),
        reason=agent.away_reason,
        load=agent.load,
        capacity=agent.capacity,
        since=agent.status_since,
        auto_accept=agent.auto_accept,
        connected=agent.lease_expires_at is not None and agent.lease_expires_at > now,
    )


def is_agent(user_id: uuid.UUID) -> bool:
    """Queries: 1."""
    return AgentProfile.objects.filter(pk=user_id).exists()


def agent_state(agent_id: uuid.UUID) -> AgentState:
    """Raises NotAnAgent. Queries: 1."""
    agent = AgentProfile.objects.annotate(now=ClockTimestamp()).filter(pk=agent_id).first()
    if agent is None:
        raise NotAnAgent
    return state_of(agent, agent.now)


def ever_granted(agent_id: uuid.UUID) -> set[uuid.UUID]:
    """The companies that an agent was granted, though it be revoked by now. Queries: 1."""
    return set(Grant.objects.filter(agent_id=agent_id).values_list("company_id", flat=True))


def open_assignments(agent_id: uuid.UUID) -> list[AssignmentRef]:
    """The conversations the agent serves now, the oldest first. Queries: 1."""
    return refs_of(Assignment.objects.filter(agent_id=agent_id, ended_at=None))


def held_by_removed() -> list[AssignmentRef]:
    """The chats of agents who have left the company or may answer no chats there. Queries: 1.

    The caller gives each back by requeue().
    """
    live = Assignment.objects.filter(ended_at=None)
    return refs_of(live.exclude(is_member(company="entry__company_id")))


def work_of_many(agent_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, AgentWork]:
    """What each of these agents has now; who has nothing is left out. Queries: 1."""
    assigned: dict[uuid.UUID, set[tuple[uuid.UUID, uuid.UUID]]] = defaultdict(set)
    ringing: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(_WORK, {"agents": list(agent_ids)})
        for agent_id, company_id, conversation_id, offer_id in cursor.fetchall():
            if offer_id is None:
                assigned[agent_id].add((company_id, conversation_id))
            else:
                ringing[agent_id].add(offer_id)
    return {
        agent_id: AgentWork(frozenset(assigned[agent_id]), frozenset(ringing[agent_id]))
        for agent_id in {*assigned, *ringing}
    }


def refs_of(assignments: QuerySet[Assignment]) -> list[AssignmentRef]:
    """As other apps see them, the oldest first. Queries: 1."""
    return [
        AssignmentRef(a.entry.company_id, a.entry.conversation_id, a.agent_id, a.started_at)
        for a in assignments.select_related("entry").order_by("started_at", "pk")
    ]

import datetime
import uuid

from routing.clock import database_now
from routing.errors import NotAnAgent
from routing.models import AgentProfile, Assignment, Grant
from routing.values import AgentState, AssignmentRef


def state_of(agent: AgentProfile, now: datetime.datetime) -> AgentState:
    return AgentState(
        status=agent.status,
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
    """Raises NotAnAgent. Queries: 2."""
    agent = AgentProfile.objects.filter(pk=agent_id).first()
    if agent is None:
        raise NotAnAgent
    return state_of(agent, database_now())


def grants_of(agent_id: uuid.UUID) -> list[uuid.UUID]:
    """The companies an agent may serve; none for who is no agent. Queries: 1."""
    return list(
        Grant.objects.in_force()
        .filter(agent_id=agent_id)
        .order_by("company_id")
        .values_list("company_id", flat=True)
    )


def open_assignments(agent_id: uuid.UUID) -> list[AssignmentRef]:
    """The conversations the agent serves now, the oldest first. Queries: 1."""
    live = Assignment.objects.filter(agent_id=agent_id, ended_at=None).select_related("entry")
    return [
        AssignmentRef(a.entry.company_id, a.entry.conversation_id, a.agent_id, a.started_at)
        for a in live.order_by("started_at", "pk")
    ]


def agents_online(company_id: uuid.UUID) -> int:
    """How many agents who serve the company are available and connected. Queries: 2."""
    return (
        Grant.objects.in_force()
        .filter(
            company_id=company_id,
            agent__status=AgentProfile.Status.AVAILABLE,
            agent__lease_expires_at__gt=database_now(),
        )
        .count()
    )

"""What the tests of routing set up: agents who are there, chats that wait."""

import uuid

from routing import interface as routing
from routing.models import Grant, QueueEntry
from tenants.actions.memberships import add_member
from tenants.actor import SYSTEM
from tenants.models import Role, User
from tenants.resolution import CompanyRef


def arrive(user: User, *, capacity: int = 3, auto_accept: bool = False) -> None:
    """The agent is available and their desk is connected."""
    routing.create_agent(user_id=user.pk, capacity=capacity, auto_accept=auto_accept)
    routing.set_status(agent_id=user.pk, status="available")
    routing.renew_lease(agent_id=user.pk)


def queue(company: CompanyRef, count: int = 1, **terms: object) -> list[uuid.UUID]:
    """Let `count` chats of the company wait; their ids, the oldest first."""
    ids = [uuid.uuid4() for _ in range(count)]
    for conversation_id in ids:
        routing.enqueue(
            company_id=company.id,
            conversation_id=conversation_id,
            **terms,  # type: ignore[arg-type]
        )
    return ids


def entry_of(conversation_id: uuid.UUID) -> QueueEntry:
    return QueueEntry.objects.get(conversation_id=conversation_id)


def served_by(user: User) -> list[uuid.UUID]:
    """The companies whose chats the agent may be offered, by name."""
    grants = Grant.objects.in_force().filter(agent=user.pk).order_by("company__name")
    return list(grants.values_list("company_id", flat=True))


def new_agent(name: str, *companies: CompanyRef, capacity: int = 3) -> User:
    """One more agent, who is there and serves the companies."""
    user = User.objects.create_user(f"{name}@agents.example", name=name)
    arrive(user, capacity=capacity)
    for company in companies:
        add_member(company=company, user=user, role=Role.AGENT, actor=SYSTEM)
        routing.grant(agent_id=user.pk, company_id=company.id)
    return user

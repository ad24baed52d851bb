"""Who is an agent, what they know and whom they serve. Every change locks the agent's row, so
that a decision being made holds until it is stored."""

import datetime
import functools
import uuid

from django.db import transaction

from routing.actions.load import lock_agent
from routing.actions.offers import withdraw_offers
from routing.errors import UnknownSkill
from routing.models import AgentProfile, AgentSkill, Grant, Skill
from tenants import outbox
from tenants.errors import Invalid


def create_agent(
    *,
    user_id: uuid.UUID,
    capacity: int = 3,
    auto_accept: bool = False,
    wrap_up_seconds: int = 0,
    cleared_until: datetime.datetime | None = None,
) -> None:
    """Make a person an agent, offline at first; one who is an agent gets these settings."""
    AgentProfile.objects.get_or_create(pk=user_id)
    change_agent(
        agent_id=user_id,
        capacity=capacity,
        auto_accept=auto_accept,
        wrap_up_seconds=wrap_up_seconds,
        cleared_until=cleared_until,
        by=user_id,
    )


def change_agent(
    *,
    agent_id: uuid.UUID,
    capacity: int,
    auto_accept: bool,
    wrap_up_seconds: int,
    cleared_until: datetime.datetime | None,
    by: uuid.UUID,
) -> None:
    """Change an agent's settings. A capacity below the present load stands on the name of `by`.

    Raises Invalid for a capacity outside 1-20.
    """
    if not 1 <= capacity <= 20:
        raise Invalid("The capacity must be between 1 and 20 chats.")
    with transaction.atomic():
        agent = lock_agent(agent_id)
        agent.override_by_id = by if agent.load > capacity else None
        agent.capacity = capacity
        agent.auto_accept = auto_accept
        agent.wrap_up_seconds = wrap_up_seconds
        agent.cleared_until = cleared_until
        agent.save(
            update_fields=[
                "capacity",
                "auto_accept",
                "wrap_up_seconds",
                "cleared_until",
                "override_by",
            ]
        )


def grant(
    *,
    agent_id: uuid.UUID,
    company_id: uuid.UUID,
    limit: int | None = None,
    overflow: bool = False,
) -> None:
    """Let the agent serve the company; a grant that exists, revoked or not, gets these terms."""
    with transaction.atomic():
        lock_agent(agent_id)
        Grant.objects.update_or_create(
            agent_id=agent_id,
            company_id=company_id,
            defaults={"limit": limit, "overflow": overflow, "revoked": False},
        )


def revoke(*, agent_id: uuid.UUID, company_id: uuid.UUID) -> None:
    """Let the agent serve the company no longer, until they are granted it anew; chats they hold
    stay until they end."""
    with transaction.atomic():
        lock_agent(agent_id)
        Grant.objects.filter(agent_id=agent_id, company_id=company_id).update(revoked=True)
        follow_revocation(agent_id=agent_id, company_id=company_id)


def follow_revocation(*, agent_id: uuid.UUID, company_id: uuid.UUID) -> None:
    """Have the offers taken back that rest on a revoked grant, and the desks told; in the
    transaction that revokes it."""
    # Once it holds, for entries are locked before agents; and before the desks are told to look.
    transaction.on_commit(
        functools.partial(withdraw_offers, agent_id=agent_id, company_id=company_id)
    )
    outbox.publish(company_id=company_id, topic=outbox.ACCESS_CHANGED, object_id=agent_id)


def add_skill(*, agent_id: uuid.UUID, key: str, level: int = 3) -> None:
    """Give the agent a skill of the catalogue, or set its level (1-5). Raises UnknownSkill."""
    if not 1 <= level <= 5:
        raise Invalid("The level must be between 1 and 5.")
    skill = Skill.objects.filter(key=key).first()
    if skill is None:
        raise UnknownSkill
    with transaction.atomic():
        lock_agent(agent_id)
        AgentSkill.objects.update_or_create(
            agent_id=agent_id, skill=skill, defaults={"level": level}
        )


def create_skill(*, key: str, name: str) -> None:
    """Add a skill to the catalogue; one that exists is renamed."""
    skill = Skill(key=key, name=name)
    skill.full_clean(validate_unique=False, validate_constraints=False)
    Skill.objects.update_or_create(key=key, defaults={"name": name})

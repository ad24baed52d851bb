"""Entering the queue, leaving it, going back to it."""

import dataclasses
import datetime
import json
import uuid
from collections.abc import Sequence

from django.db import connection, transaction

from routing import policy
from routing.actions.load import close_offer, free, lock_agent, lock_entry
from routing.clock import database_now
from routing.errors import AgentReturned
from routing.models import AgentProfile, Assignment, Offer, QueueEntry
from routing.values import EndedWork, SkillNeed
from tenants.errors import Conflict

# Written by hand: for the same statement the ORM takes 0.8 ms more of the processor, and every chat
# begins with it.
_ENQUEUE = """
INSERT INTO public.routing_queueentry (company_id, conversation_id, state, enqueued_at, priority,
    turn_at, weight, required_skills, preferred_skills, requires_clearance, last_agent_id,
    excluded_agents, rounds, attempts, blocked_reason)
SELECT %(company)s, %(conversation)s, %(state)s, moment.at, %(priority)s,
    moment.at - make_interval(secs => %(head_start)s), %(weight)s, %(required)s::jsonb,
    %(preferred)s::jsonb, %(clearance)s,
    (SELECT user_id FROM public.routing_agentprofile WHERE user_id = %(last_agent)s),
    '{}', 0, 0, ''
FROM (SELECT coalesce(%(now)s, statement_timestamp()) AS at) moment
ON CONFLICT DO NOTHING
"""


def enqueue(
    *,
    company_id: uuid.UUID,
    conversation_id: uuid.UUID,
    required_skills: Sequence[SkillNeed] = (),
    preferred_skills: Sequence[SkillNeed] = (),
    priority: int = 0,
    weight: int = 1,
    requires_clearance: bool = False,
    last_agent_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> None:
    """Put a conversation in the queue; in the caller's transaction. Twice is as good as once.

    `preferred_skills` in order of importance. Without `now` the database's time counts. A
    `last_agent_id` of somebody who is no agent any more is passed over. Queries: 1.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _ENQUEUE,
            {
                "company": company_id,
                "conversation": conversation_id,
                "state": QueueEntry.State.WAITING.value,
                "now": now,
                "priority": priority,
                "head_start": priority * policy.PRIORITY_SECONDS,
                "weight": weight,
                "required": _as_json(required_skills),
                "preferred": _as_json(preferred_skills),
                "clearance": requires_clearance,
                "last_agent": last_agent_id,
            },
        )


def end(
    *,
    company_id: uuid.UUID,
    conversation_id: uuid.UUID,
    reason: str = Assignment.EndReason.CLOSED,
    now: datetime.datetime | None = None,
) -> EndedWork:
    """Take a conversation out of routing for good, in the caller's transaction; free its agent.

    `reason` is a value of Assignment.EndReason. A conversation that is out already, or was never
    in, changes nothing.
    """
    with transaction.atomic():
        entry = lock_entry(company_id=company_id, conversation_id=conversation_id)
        if entry is None or entry.state == QueueEntry.State.ENDED:
            return EndedWork()
        now = now or database_now()
        ended = EndedWork()
        if entry.state == QueueEntry.State.OFFERED:
            offer = Offer.objects.get(entry=entry, state=Offer.State.OFFERED)
            close_offer(offer, entry, state=Offer.State.WITHDRAWN, now=now, exclude=False)
            ended = EndedWork(offer.agent_id, offer.pk)
        elif entry.state == QueueEntry.State.ASSIGNED:
            assignment = _live_assignment(entry)
            _end_assignment(assignment, entry.weight, reason=reason, now=now)
            ended = EndedWork(assignment.agent_id)
        QueueEntry.objects.filter(pk=entry.pk).update(
            state=QueueEntry.State.ENDED, ended_at=now, blocked_reason=""
        )
        return ended


def requeue(
    *,
    company_id: uuid.UUID,
    conversation_id: uuid.UUID,
    reason: str = Assignment.EndReason.REQUEUED,
    now: datetime.datetime | None = None,
) -> EndedWork:
    """Take an assigned conversation from its agent and let it wait again, with its age.

    `reason` "absent": the agent's connection is lost; it comes sooner, its agent is preferred
    should they be back, and AgentReturned is raised if they are back within the grace already.
    Any other reason: the agent gave it back and is not asked first again. Raises Conflict where
    it is not assigned. In the caller's transaction.
    """
    with transaction.atomic():
        entry = lock_entry(company_id=company_id, conversation_id=conversation_id)
        if entry is None or entry.state != QueueEntry.State.ASSIGNED:
            raise Conflict("This chat is with no agent.")
        assignment = _live_assignment(entry)
        now = now or database_now()
        absent = reason == Assignment.EndReason.ABSENT
        if absent and not is_absent(lock_agent(assignment.agent_id), now):
            raise AgentReturned
        _end_assignment(assignment, entry.weight, reason=reason, now=now)
        entry.state = QueueEntry.State.WAITING
        entry.last_agent_id = assignment.agent_id if absent else None
        entry.excluded_agents = [] if absent else [assignment.agent_id]
        if absent:
            entry.priority += policy.REQUEUE_PRIORITY
            entry.turn_at = _turn_at(entry.enqueued_at, entry.priority)
        entry.save(
            update_fields=["state", "last_agent_id", "excluded_agents", "priority", "turn_at"]
        )
        return EndedWork(assignment.agent_id)


def is_absent(agent: AgentProfile, now: datetime.datetime) -> bool:
    """True when the agent's lease is lost for longer than the grace."""
    grace = datetime.timedelta(seconds=policy.GRACE_SECONDS)
    return agent.lease_expires_at is None or agent.lease_expires_at + grace <= now


def _as_json(needs: Sequence[SkillNeed]) -> str:
    return json.dumps([dataclasses.astuple(need) for need in needs])


def _turn_at(enqueued_at: datetime.datetime, priority: int) -> datetime.datetime:
    return enqueued_at - datetime.timedelta(seconds=priority * policy.PRIORITY_SECONDS)


def _live_assignment(entry: QueueEntry) -> Assignment:
    return Assignment.objects.select_related("agent").get(entry=entry, ended_at=None)


def _end_assignment(
    assignment: Assignment, weight: int, *, reason: str, now: datetime.datetime
) -> None:
    Assignment.objects.filter(pk=assignment.pk).update(ended_at=now, end_reason=reason)
    rest = datetime.timedelta(seconds=assignment.agent.wrap_up_seconds)
    free(assignment.agent_id, weight, last_ended_at=now, wrap_up_until=now + rest)

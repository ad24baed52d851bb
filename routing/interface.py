"""The only door to routing for other apps. Routing decides; who calls it acts.

It knows a conversation as (company id, conversation id) alone. Writers join the caller's
transaction; the order of locks is conversation, then routing. After a change that may let somebody
take a chat, wake the dispatcher (chat.actions.waker.wake).
"""

from routing.actions.agents import (
    add_skill,
    create_agent,
    create_skill,
    grant,
    revoke,
)
from routing.actions.dispatch import next_offers, note_unreachable
from routing.actions.offers import accept, decline, expire_offers
from routing.actions.presence import (
    drop_lease,
    release_absent,
    renew_lease,
    renew_leases,
    set_status,
)
from routing.actions.queue import end, enqueue, requeue
from routing.errors import AgentReturned, BadStatus, NotAnAgent, OfferGone
from routing.explain import SENTENCES as BLOCKED_SENTENCES
from routing.models.agent import AwayReason
from routing.queries.agents import (
    agent_state,
    ever_granted,
    held_by_removed,
    is_agent,
    open_assignments,
    work_of_many,
)
from routing.queries.queue import offer_of, pending_offers, position
from routing.values import (
    AcceptedOffer,
    AgentState,
    AgentWork,
    AssignmentRef,
    ClosedOffer,
    EndedWork,
    OfferDecision,
    QueuePosition,
    Reason,
    SkillNeed,
)

__all__ = [
    "BLOCKED_SENTENCES",
    "AcceptedOffer",
    "AgentReturned",
    "AgentState",
    "AgentWork",
    "AssignmentRef",
    "AwayReason",
    "BadStatus",
    "ClosedOffer",
    "EndedWork",
    "NotAnAgent",
    "OfferDecision",
    "OfferGone",
    "QueuePosition",
    "Reason",
    "SkillNeed",
    "accept",
    "add_skill",
    "agent_state",
    "create_agent",
    "create_skill",
    "decline",
    "drop_lease",
    "end",
    "enqueue",
    "ever_granted",
    "expire_offers",
    "grant",
    "held_by_removed",
    "is_agent",
    "next_offers",
    "note_unreachable",
    "offer_of",
    "open_assignments",
    "pending_offers",
    "position",
    "release_absent",
    "renew_lease",
    "renew_leases",
    "requeue",
    "revoke",
    "set_status",
    "work_of_many",
]

from routing.models.agent import AgentProfile, AgentSkill, AwayReason, Grant, PresenceChange, Skill
from routing.models.queue import Assignment, Offer, QueueEntry

__all__ = [
    "AgentProfile",
    "AgentSkill",
    "Assignment",
    "AwayReason",
    "Grant",
    "Offer",
    "PresenceChange",
    "QueueEntry",
    "Skill",
]

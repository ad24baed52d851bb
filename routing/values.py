"""What crosses routing's door: frozen values of ids, skills, times and numbers."""

import dataclasses
import datetime
import enum
import uuid
from typing import Literal

# What an agent's column of that name may hold.
Status = Literal["available", "away", "offline", "missed"]


class Reason(enum.StrEnum):
    """Why an agent cannot be asked, in the order in which it is checked.

    A waiting entry keeps the furthest one any agent came to: what it waits for.
    """

    NO_AGENT = "no_agent"
    NOT_CLEARED = "not_cleared"
    NOT_AVAILABLE = "not_available"
    DISCONNECTED = "disconnected"
    NOBODY_FREE = "nobody_free"
    OVERFLOW = "overflow"
    SKILL = "skill"
    WRAPPING_UP = "wrapping_up"
    FULL = "full"
    COMPANY_LIMIT = "company_limit"
    COOLING_DOWN = "cooling_down"
    EXCLUDED = "excluded"


@dataclasses.dataclass(frozen=True, slots=True)
class SkillNeed:
    """A skill of the catalogue and the level (1-5) at which it is asked."""

    key: str
    level: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class OfferDecision:
    """An offer that was made. `why`: one sentence for the agent and the supervisor."""

    offer_id: uuid.UUID
    company_id: uuid.UUID
    conversation_id: uuid.UUID
    agent_id: uuid.UUID
    expires_at: datetime.datetime
    auto_accept: bool
    skills: tuple[str, ...]
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class AcceptedOffer:
    """`repeated`: the same agent had accepted it before, nothing was changed."""

    company_id: uuid.UUID
    conversation_id: uuid.UUID
    agent_id: uuid.UUID
    repeated: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class ClosedOffer:
    """An offer that ended without being accepted; `state` is Offer.State's value."""

    offer_id: uuid.UUID
    agent_id: uuid.UUID
    company_id: uuid.UUID
    conversation_id: uuid.UUID
    state: str


@dataclasses.dataclass(frozen=True, slots=True)
class EndedWork:
    """Who was freed when a conversation left routing, and the offer that was withdrawn."""

    agent_id: uuid.UUID | None = None
    offer_id: uuid.UUID | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class AssignmentRef:
    company_id: uuid.UUID
    conversation_id: uuid.UUID
    agent_id: uuid.UUID
    since: datetime.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class AgentWork:
    """What an agent has now, as ids: (company, conversation) of their chats, and what rings."""

    assigned: frozenset[tuple[uuid.UUID, uuid.UUID]] = frozenset()
    ringing: frozenset[uuid.UUID] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class AgentState:
    """`load` and `capacity` are in weights of chats; `connected`: the desk's lease is alive."""

    status: Status
    reason: str
    load: int
    capacity: int
    since: datetime.datetime
    auto_accept: bool
    connected: bool


@dataclasses.dataclass(frozen=True, slots=True)
class QueuePosition:
    """`position` counts from 1 within the company; `wait` is a range in seconds or None."""

    position: int
    wait: tuple[int, int] | None

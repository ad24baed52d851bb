"""Who gets the next chat: a pure function over a snapshot. No database, no clock of its own."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from routing import policy
from routing.values import Reason, SkillNeed


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """A waiting entry. Times are aware."""

    id: int
    company_id: uuid.UUID
    turn_at: datetime.datetime
    enqueued_at: datetime.datetime
    weight: int = 1
    required: tuple[SkillNeed, ...] = ()
    preferred: tuple[SkillNeed, ...] = ()
    requires_clearance: bool = False
    last_agent_id: uuid.UUID | None = None
    excluded: frozenset[uuid.UUID] = frozenset()
    rounds: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Serves:
    """An agent's grant for one company; `load` is what the agent carries for it now."""

    limit: int | None = None
    overflow: bool = False
    load: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Agent:
    """An agent as they are at the moment of the decision. Times are aware."""

    id: uuid.UUID
    capacity: int
    load: int = 0
    available: bool = True
    lease_expires_at: datetime.datetime | None = None
    wrap_up_until: datetime.datetime | None = None
    cool_down_until: datetime.datetime | None = None
    cleared_until: datetime.datetime | None = None
    idle_since: datetime.datetime | None = None
    taken: int = 0
    skills: Mapping[str, int] = dataclasses.field(default_factory=dict)
    serves: Mapping[uuid.UUID, Serves] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and their rank: the smaller, the better, compared from left to right.

    Last agent (0) or not (1), negative skill band, load in ten-thousandths of the capacity,
    microseconds of the epoch at which they became idle, chats taken today; then the id.
    """

    agent_id: uuid.UUID
    rank: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one entry and why; `agent_id` None: nobody, for the `blocked` reason."""

    work: Work
    step: int
    ranked: tuple[Ranked, ...]
    lost: Mapping[uuid.UUID, Reason]

    @property
    def agent_id(self) -> uuid.UUID | None:
        return self.ranked[0].agent_id if self.ranked else None

    @property
    def blocked(self) -> Reason | None:
        if self.ranked:
            return None
        order = list(Reason)
        return max(self.lost.values(), key=order.index, default=Reason.NO_AGENT)

    def as_json(self) -> dict[str, Any]:
        """Ids, ranks and reasons; the best `policy.CANDIDATES_KEPT` candidates and losers."""
        kept = policy.CANDIDATES_KEPT
        return {
            "step": self.step,
            "candidates": [(str(r.agent_id), r.rank) for r in self.ranked[:kept]],
            "lost": {str(agent): str(why) for agent, why in list(self.lost.items())[:kept]},
        }


def pick_of(stored: Mapping[str, Any]) -> uuid.UUID:
    """Evaluate a stored decision again: the agent it picks."""
    best = min(stored["candidates"], key=lambda candidate: (candidate[1], candidate[0]))
    return uuid.UUID(best[0])


def in_turn(works: Iterable[Work]) -> list[Work]:
    """The order of work: waited seconds plus priority, then age, then id."""
    return sorted(works, key=lambda work: (work.turn_at, work.enqueued_at, work.id))


def plan(
    works: Iterable[Work], agents: Iterable[Agent], now: datetime.datetime, *, limit: int
) -> list[Decision]:
    """Decide on the entries in turn, each seeing the load the ones before it added.

    At most `limit` entries are placed. An entry that cannot be placed delays nobody. Where
    everybody who could take an entry was excluded in this round, its exclusions are cleared.
    """
    by_company: dict[uuid.UUID, dict[uuid.UUID, Agent]] = {}
    for agent in agents:
        for company_id in agent.serves:
            by_company.setdefault(company_id, {})[agent.id] = agent
    decisions: list[Decision] = []
    placed = 0
    for work in in_turn(works):
        if placed == limit:
            break
        here = list(by_company.get(work.company_id, {}).values())
        decision = decide(work, here, now)
        if decision.blocked is Reason.EXCLUDED:
            again = dataclasses.replace(work, excluded=frozenset(), rounds=work.rounds + 1)
            decision = decide(again, here, now)
        decisions.append(decision)
        if decision.agent_id is not None:
            placed += 1
            busier = _with_load(by_company[work.company_id][decision.agent_id], work)
            for company_id in busier.serves:
                by_company[company_id][busier.id] = busier
    return decisions


def decide(work: Work, agents: Sequence[Agent], now: datetime.datetime) -> Decision:
    """Rank the agents who can take `work` at `now`; say of each other one why they cannot."""
    serving = [agent for agent in agents if work.company_id in agent.serves]
    there = [a for a in serving if absence(work, a, now) is None]
    step = int(max(0.0, (now - work.enqueued_at).total_seconds()) // policy.RELAX_SECONDS)
    step += work.rounds
    overflow = step >= policy.OVERFLOW_STEPS or all(
        a.serves[work.company_id].overflow for a in there
    )
    if not overflow:
        there = [a for a in there if not a.serves[work.company_id].overflow]
    step = _useful_step(work, there, step)
    needs = needs_at(work, step)
    ranked: list[Ranked] = []
    lost: dict[uuid.UUID, Reason] = {}
    for agent in serving:
        why = obstacle(work, agent, now, needs=needs, overflow=overflow)
        if why is None:
            ranked.append(Ranked(agent.id, rank(work, agent, needs)))
        else:
            lost[agent.id] = why
    ranked.sort(key=lambda candidate: (candidate.rank, candidate.agent_id))
    return Decision(work, step, tuple(ranked), lost)


def absence(work: Work, agent: Agent, now: datetime.datetime) -> Reason | None:
    """Why the agent is not there for this entry at all, however free they may be."""
    if work.requires_clearance and (agent.cleared_until is None or agent.cleared_until <= now):
        return Reason.NOT_CLEARED
    if not agent.available:
        return Reason.NOT_AVAILABLE
    if agent.lease_expires_at is None or agent.lease_expires_at <= now:
        return Reason.DISCONNECTED
    return None


def obstacle(
    work: Work,
    agent: Agent,
    now: datetime.datetime,
    *,
    needs: Mapping[str, int],
    overflow: bool,
) -> Reason | None:
    """The first reason why the agent cannot be asked now, or None."""
    serves = agent.serves[work.company_id]
    missing = absence(work, agent, now)
    if missing is not None:
        return missing
    if serves.overflow and not overflow:
        return Reason.OVERFLOW
    if not _has(agent, needs):
        return Reason.SKILL
    if agent.wrap_up_until is not None and agent.wrap_up_until > now:
        return Reason.WRAPPING_UP
    if agent.load + work.weight > agent.capacity:
        return Reason.FULL
    if serves.limit is not None and serves.load + work.weight > serves.limit:
        return Reason.COMPANY_LIMIT
    if agent.cool_down_until is not None and agent.cool_down_until > now:
        return Reason.COOLING_DOWN
    if agent.id in work.excluded:
        return Reason.EXCLUDED
    return None


def needs_at(work: Work, step: int) -> dict[str, int]:
    """What is asked after `step` relaxations: levels fall to 1, required skills always stay."""
    preferred = work.preferred[: max(0, len(work.preferred) - step)]
    needs: dict[str, int] = {}
    for need in (*work.required, *preferred):
        needs[need.key] = max(needs.get(need.key, 1), need.level - step)
    return needs


def rank(work: Work, agent: Agent, needs: Mapping[str, int]) -> tuple[int, ...]:
    idle_since = agent.idle_since
    return (
        0 if agent.id == work.last_agent_id else 1,
        -_band([agent.skills[key] for key in needs]),
        agent.load * 10_000 // agent.capacity,
        int(idle_since.timestamp() * 1_000_000) if idle_since else 0,
        agent.taken,
    )


def _band(levels: Sequence[int]) -> int:
    """Bands, not bare levels: the one expert would otherwise get every chat."""
    if not levels:
        return 0
    mean = sum(levels) / len(levels)
    return 2 if mean >= 4 else 1 if mean >= 2.5 else 0


def _has(agent: Agent, needs: Mapping[str, int]) -> bool:
    return all(agent.skills.get(key, 0) >= level for key, level in needs.items())


def _useful_step(work: Work, there: Sequence[Agent], step: int) -> int:
    """Nobody waits for a skill that nobody who is there has: go to the step where one fits."""
    last = max([len(work.preferred), *(n.level - 1 for n in (*work.required, *work.preferred))])
    for later in range(step, last + 1):
        needs = needs_at(work, later)
        if any(_has(agent, needs) for agent in there):
            return later
    return step


def _with_load(agent: Agent, work: Work) -> Agent:
    here = agent.serves[work.company_id]
    serves = {
        **agent.serves,
        work.company_id: dataclasses.replace(here, load=here.load + work.weight),
    }
    return dataclasses.replace(agent, load=agent.load + work.weight, serves=serves)

import dataclasses
import datetime
import itertools
import random
import uuid
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from routing import policy
from routing.matching import (
    Agent,
    Decision,
    Serves,
    Work,
    _with_load,
    decide,
    in_turn,
    pick_of,
    plan,
)
from routing.values import Reason, SkillNeed

NOW = datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.UTC)
ACME, GLOBEX = uuid.UUID(int=1), uuid.UUID(int=2)
SOON = NOW + datetime.timedelta(seconds=20)


def ago(seconds: float) -> datetime.datetime:
    return NOW - datetime.timedelta(seconds=seconds)


def work(number: int = 1, *, waited: float = 1, priority: int = 0, **terms: Any) -> Work:
    turn_at = ago(waited + priority * policy.PRIORITY_SECONDS)
    defaults: dict[str, Any] = {
        "company_id": ACME,
        "turn_at": turn_at,
        "enqueued_at": ago(waited),
    }
    return Work(id=number, **(defaults | terms))


def agent(number: int = 1, *, companies: tuple[uuid.UUID, ...] = (ACME,), **terms: Any) -> Agent:
    defaults: dict[str, Any] = {
        "capacity": 3,
        "lease_expires_at": SOON,
        "serves": {company: Serves() for company in companies},
    }
    return Agent(id=uuid.UUID(int=number), **(defaults | terms))


def picked(decision: Decision) -> int | None:
    return decision.agent_id.int if decision.agent_id else None


def pick(entry: Work, *agents: Agent) -> int | None:
    return picked(decide(entry, agents, NOW))


def test_nobody_who_lacks_the_grant_is_a_candidate() -> None:
    decision = decide(work(company_id=GLOBEX), [agent()], NOW)
    assert decision.agent_id is None
    assert decision.lost == {}
    assert decision.blocked is Reason.NO_AGENT


def test_each_obstacle_has_its_name() -> None:
    full_here = {ACME: Serves(limit=1, load=1)}
    for terms, reason in (
        ({"available": False}, Reason.NOT_AVAILABLE),
        ({"lease_expires_at": None}, Reason.DISCONNECTED),
        ({"lease_expires_at": NOW}, Reason.DISCONNECTED),
        ({"wrap_up_until": SOON}, Reason.WRAPPING_UP),
        ({"load": 3}, Reason.FULL),
        ({"serves": full_here}, Reason.COMPANY_LIMIT),
        ({"cool_down_until": SOON}, Reason.COOLING_DOWN),
    ):
        decision = decide(work(), [agent(**terms)], NOW)
        assert decision.agent_id is None
        assert decision.blocked is reason
    assert pick(work(excluded=frozenset({uuid.UUID(int=1)})), agent()) is None


def test_a_wrap_up_and_a_cool_down_end_at_their_moment() -> None:
    assert pick(work(), agent(wrap_up_until=NOW, cool_down_until=NOW)) == 1


def test_clearance_is_never_relaxed() -> None:
    waiting = work(waited=100_000, requires_clearance=True, rounds=9)
    assert pick(waiting, agent()) is None
    assert pick(waiting, agent(cleared_until=NOW)) is None
    assert pick(waiting, agent(cleared_until=SOON)) == 1


def test_the_weight_must_fit_whole() -> None:
    assert pick(work(weight=2), agent(load=2)) is None
    assert pick(work(weight=2), agent(load=1)) == 1


def test_the_reason_kept_is_the_furthest_anybody_came_to() -> None:
    decision = decide(work(), [agent(1, available=False), agent(2, load=3)], NOW)
    assert decision.blocked is Reason.FULL


def test_a_required_level_falls_by_one_each_interval_and_the_skill_never_falls_away() -> None:
    expert = agent(1, load=3, skills={"sales": 5})
    novice = agent(2, skills={"sales": 3})
    needs = (SkillNeed("sales", 5),)
    for steps, expected in ((0, None), (1, None), (2, 2)):
        waiting = work(waited=steps * policy.RELAX_SECONDS + 1, required=needs)
        assert pick(waiting, expert, novice) == expected
    assert pick(work(waited=100_000, required=needs), agent(3, skills={"billing": 5})) is None


def test_preferred_skills_are_given_up_ring_by_ring_the_least_important_first() -> None:
    wanted = (SkillNeed("language:es"), SkillNeed("sales"))
    both = agent(1, load=3, skills={"language:es": 3, "sales": 3})
    spanish = agent(2, skills={"language:es": 3})
    neither = agent(3)
    waits = [1, policy.RELAX_SECONDS, 2 * policy.RELAX_SECONDS]
    of_both = [pick(work(waited=w, preferred=wanted), both, spanish, neither) for w in waits]
    assert of_both == [None, 2, 2]
    of_neither = [pick(work(waited=w, preferred=wanted), both, neither) for w in waits]
    assert of_neither == [None, None, 3]


def test_nobody_waits_for_a_skill_that_nobody_there_has() -> None:
    wanted = (SkillNeed("language:es"),)
    speaker_away = agent(1, available=False, skills={"language:es": 5})
    assert pick(work(preferred=wanted), speaker_away, agent(2)) == 2
    assert pick(work(required=(SkillNeed("sales", 5),)), agent(2, skills={"sales": 2})) == 2


def test_an_overflow_agent_helps_after_a_while_or_when_no_other_is_there() -> None:
    home = agent(1, load=3)
    helper = agent(2, serves={ACME: Serves(overflow=True)})
    later = policy.OVERFLOW_STEPS * policy.RELAX_SECONDS
    assert pick(work(), home, helper) is None
    assert decide(work(), [home, helper], NOW).blocked is Reason.FULL
    assert pick(work(waited=later), home, helper) == 2
    assert pick(work(), dataclasses.replace(home, available=False), helper) == 2


def test_the_rank_goes_from_the_last_agent_to_the_id() -> None:
    plain = agent(1, idle_since=ago(10), taken=4)
    sales = (SkillNeed("sales"),)
    for better, entry in (
        (agent(2, load=2, idle_since=ago(1)), work(last_agent_id=uuid.UUID(int=2))),
        (agent(2, load=2, skills={"sales": 5}), work(required=sales)),
        (agent(2, capacity=10, load=3), work()),
        (agent(2, load=1, idle_since=ago(20), taken=9), work()),
        (agent(2, load=1, idle_since=ago(10), taken=3), work()),
    ):
        rival = dataclasses.replace(plain, load=1, skills={"sales": 2})
        assert pick(entry, rival, better) == 2
    assert pick(work(), agent(2), agent(1)) == 1


def test_levels_of_one_band_do_not_prefer_the_one_expert() -> None:
    sales = (SkillNeed("sales"),)
    expert = agent(1, load=1, skills={"sales": 5})
    good = agent(2, skills={"sales": 4})
    assert pick(work(required=sales), expert, good) == 2


def snapshot_of(seed: int) -> tuple[list[Work], list[Agent]]:
    """Agents and waiting entries of three companies, as chance has it."""
    chance = random.Random(seed)
    companies = [uuid.UUID(int=n) for n in range(1, 4)]
    keys = ["sales", "billing"]

    def needs() -> tuple[SkillNeed, ...]:
        asked = chance.sample(keys, chance.randint(0, 2))
        return tuple(SkillNeed(key, chance.randint(1, 5)) for key in asked)

    agents = []
    for number in range(1, chance.randint(1, 7)):
        capacity = chance.randint(1, 4)
        agents.append(
            agent(
                number,
                capacity=capacity,
                load=chance.randint(0, capacity),
                available=chance.random() < 0.8,
                lease_expires_at=chance.choice([SOON, SOON, SOON, NOW, None]),
                cool_down_until=chance.choice([None, None, SOON]),
                cleared_until=chance.choice([None, SOON]),
                idle_since=chance.choice([None, ago(5), ago(9)]),
                skills={key: chance.randint(1, 5) for key in keys if chance.random() < 0.5},
                serves={
                    company: Serves(
                        limit=chance.choice([None, None, 1]), overflow=chance.random() < 0.3
                    )
                    for company in companies
                    if chance.random() < 0.6
                },
            )
        )
    ids = [a.id for a in agents]
    works = [
        work(
            number,
            waited=chance.randint(0, 120),
            priority=chance.randint(0, 2),
            company_id=chance.choice(companies),
            weight=chance.randint(1, 2),
            required=needs() if chance.random() < 0.5 else (),
            preferred=needs() if chance.random() < 0.5 else (),
            requires_clearance=chance.random() < 0.2,
            excluded=frozenset(i for i in ids if chance.random() < 0.2),
        )
        for number in range(chance.randint(0, 8))
    ]
    return works, agents


snapshots = st.integers(0, 2**32 - 1).map(snapshot_of)
# Chance makes them, so that a slow machine does not count as a slow test.
many = settings(deadline=None, max_examples=200)


@many
@given(snapshots, st.randoms(use_true_random=False))
def test_the_same_snapshot_gives_the_same_plan_in_whatever_order_it_is_read(
    snapshot: tuple[list[Work], list[Agent]], shuffler: Any
) -> None:
    works, agents = snapshot
    first = plan(works, agents, NOW, limit=50)
    shuffler.shuffle(works)
    shuffler.shuffle(agents)
    second = plan(works, agents, NOW, limit=50)
    assert [(d.work.id, d.agent_id, d.ranked) for d in first] == [
        (d.work.id, d.agent_id, d.ranked) for d in second
    ]


@many
@given(snapshots)
def test_a_stored_decision_evaluates_to_the_agent_who_was_picked(
    snapshot: tuple[list[Work], list[Agent]],
) -> None:
    for decision in plan(*snapshot, NOW, limit=50):
        if decision.agent_id is not None:
            assert pick_of(decision.as_json()) == decision.agent_id


@many
@given(snapshots)
def test_no_plan_breaks_a_grant_a_clearance_a_capacity_or_a_required_skill(
    snapshot: tuple[list[Work], list[Agent]],
) -> None:
    works, agents = snapshot
    by_id = {a.id: a for a in agents}
    added: Counter[uuid.UUID] = Counter()
    for decision in plan(works, agents, NOW, limit=50):
        if decision.agent_id is None:
            continue
        chosen, entry = by_id[decision.agent_id], decision.work
        added[chosen.id] += entry.weight
        assert entry.company_id in chosen.serves
        assert chosen.available
        assert chosen.lease_expires_at == SOON
        assert chosen.id not in entry.excluded
        assert not entry.requires_clearance or chosen.cleared_until == SOON
        assert chosen.load + added[chosen.id] <= chosen.capacity
        assert all(need.key in chosen.skills for need in entry.required)


@many
@given(snapshots)
def test_no_entry_waits_beside_a_candidate_with_room(
    snapshot: tuple[list[Work], list[Agent]],
) -> None:
    works, agents = snapshot
    after = {agent.id: agent for agent in agents}
    decisions = plan(works, agents, NOW, limit=50)
    for decision in decisions:
        if decision.agent_id is not None:
            after[decision.agent_id] = _with_load(after[decision.agent_id], decision.work)
    for decision in decisions:
        if decision.agent_id is None:
            assert decide(decision.work, list(after.values()), NOW).agent_id is None


@many
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3)), max_size=12))
def test_equals_are_served_first_come_first_served(waits: list[tuple[int, int]]) -> None:
    works = [work(n, waited=w, priority=p) for n, (w, p) in enumerate(waits)]
    served = [d.work for d in plan(works, [agent(capacity=20)], NOW, limit=50)]
    assert served == in_turn(works)
    for earlier, later in itertools.pairwise(served):
        if earlier.turn_at - earlier.enqueued_at == later.turn_at - later.enqueued_at:
            assert earlier.enqueued_at <= later.enqueued_at


def test_a_head_that_cannot_be_placed_delays_nobody() -> None:
    unplaceable = [work(n, waited=900, company_id=GLOBEX) for n in range(30)]
    decisions = plan([*unplaceable, work(99)], [agent()], NOW, limit=1)
    assert [(d.work.id, picked(d)) for d in decisions][-1] == (99, 1)


def test_the_lowest_priority_overtakes_the_highest_by_waiting() -> None:
    low = work(1, waited=3 * policy.PRIORITY_SECONDS + 1)
    high = work(2, waited=0, priority=3)
    assert [w.id for w in in_turn([high, low])] == [1, 2]


def test_everybody_excluded_starts_a_new_round() -> None:
    both = frozenset({uuid.UUID(int=1), uuid.UUID(int=2)})
    (decision,) = plan([work(excluded=both)], [agent(1), agent(2)], NOW, limit=1)
    assert picked(decision) == 1
    assert decision.work.rounds == 1
    assert decision.work.excluded == frozenset()


def serve(agents: list[Agent], chats: int, *, at_once: int) -> Counter[int]:
    """Chats in a row, `at_once` of them open; the counts of each agent."""
    now, counts, open_chats = NOW, Counter[int](), list[uuid.UUID]()
    state = {a.id: a for a in agents}
    for number in range(chats):
        now += datetime.timedelta(milliseconds=10)
        if len(open_chats) == at_once:
            over = open_chats.pop(0)
            state[over] = dataclasses.replace(
                state[over], load=state[over].load - 1, idle_since=now
            )
        entry = work(number, turn_at=now, enqueued_at=now)
        (decision,) = plan([entry], list(state.values()), now, limit=1)
        assert decision.agent_id is not None
        taker = state[decision.agent_id]
        state[taker.id] = dataclasses.replace(
            taker, load=taker.load + 1, idle_since=now, taken=taker.taken + 1
        )
        open_chats.append(taker.id)
        counts[taker.id.int] += 1
    return counts


def test_a_thousand_chats_are_shared_evenly_among_equals() -> None:
    day = NOW + datetime.timedelta(days=1)
    equals = [agent(n, capacity=4, lease_expires_at=day) for n in range(1, 8)]
    counts = serve(equals, 1000, at_once=14)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_two_and_ten_places_carry_the_same_percentage() -> None:
    day = NOW + datetime.timedelta(days=1)
    small = agent(1, capacity=2, lease_expires_at=day)
    large = agent(2, capacity=10, lease_expires_at=day)
    entries = [work(n) for n in range(6)]
    decisions = plan(entries, [small, large], NOW, limit=50)
    assert Counter(picked(d) for d in decisions) == {1: 1, 2: 5}

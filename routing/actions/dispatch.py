"""Making offers: the snapshot is read under locks, so that a decision holds when it is stored.

One transaction for a batch of entries: entries that another dispatcher holds are passed over, the
agents who could take one are locked in the order of their ids. Whatever else changes an agent's
load, status, skills or grants locks the same row first.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from routing import explain, matching, policy
from routing.clock import database_now
from routing.models import AgentProfile, AgentSkill, Grant, Offer, QueueEntry
from routing.queries.queue import decision_of
from routing.values import OfferDecision, Reason, SkillNeed
from tenants.models import Company

_LOAD_BY_COMPANY = """
    SELECT agent_id, company_id, sum(weight)::int FROM (
        SELECT o.agent_id, e.company_id, e.weight
        FROM routing_offer o JOIN routing_queueentry e ON e.id = o.entry_id
        WHERE o.state = 'offered' AND o.agent_id = ANY(%(agents)s)
        UNION ALL
        SELECT a.agent_id, e.company_id, e.weight
        FROM routing_assignment a JOIN routing_queueentry e ON e.id = a.entry_id
        WHERE a.ended_at IS NULL AND a.agent_id = ANY(%(agents)s)
    ) live GROUP BY agent_id, company_id
"""


def next_offers(*, limit: int = 50, now: datetime.datetime | None = None) -> list[OfferDecision]:
    """Offer waiting conversations to the agents who should have them; at most `limit`.

    Any number of dispatchers may do this at once. Queries: a constant number for each batch of
    entries, whatever its size.
    """
    made: list[OfferDecision] = []
    last: QueueEntry | None = None
    moment = now or database_now()
    while len(made) < limit:
        with transaction.atomic():
            entries = _take(moment, after=last)
            if entries:
                made += _place(entries, moment, limit=limit - len(made))
        if len(entries) < policy.BATCH:
            break
        last = entries[-1]
    return made


def _free_agents(now: datetime.datetime) -> QuerySet[AgentProfile]:
    return AgentProfile.objects.filter(
        status=AgentProfile.Status.AVAILABLE,
        lease_expires_at__gt=now,
        load__lt=F("capacity"),
    )


def _reachable(now: datetime.datetime) -> Exists:
    """True of an entry whose company is served by somebody with room for it."""
    free = _free_agents(now).filter(
        grants__company_id=OuterRef("company_id"),
        grants__revoked=False,
        load__lte=F("capacity") - OuterRef("weight"),
    )
    return Exists(free)


def _take(now: datetime.datetime, *, after: QueueEntry | None) -> list[QueueEntry]:
    waiting = (
        QueueEntry.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .filter(
            _reachable(now),
            state=QueueEntry.State.WAITING,
            company__state=Company.State.ACTIVE,
        )
        .select_related("company")
        .order_by("turn_at", "enqueued_at", "id")
    )
    if after is not None:
        waiting = waiting.filter(
            Q(turn_at__gt=after.turn_at)
            | Q(turn_at=after.turn_at, enqueued_at__gt=after.enqueued_at)
            | Q(turn_at=after.turn_at, enqueued_at=after.enqueued_at, id__gt=after.pk)
        )
    return list(waiting[: policy.BATCH])


def _place(
    entries: Sequence[QueueEntry], now: datetime.datetime, *, limit: int
) -> list[OfferDecision]:
    by_id = {entry.pk: entry for entry in entries}
    works = [_work(entry) for entry in entries]
    profiles, agents = _snapshot(entries, works, now)
    offers: list[Offer] = []
    added: dict[int, list[uuid.UUID]] = defaultdict(list)
    loads: dict[uuid.UUID, int] = defaultdict(int)
    blocked: dict[str, list[int]] = defaultdict(list)
    for decision in matching.plan(works, agents, now, limit=limit):
        entry = by_id[decision.work.id]
        if decision.work.rounds != entry.rounds:
            entry.rounds, entry.excluded_agents = decision.work.rounds, []
            entry.save(update_fields=["rounds", "excluded_agents"])
        if decision.agent_id is None:
            if decision.blocked != entry.blocked_reason:
                blocked[str(decision.blocked)].append(entry.pk)
            continue
        loads[decision.agent_id] += entry.weight
        offers.append(
            Offer(
                entry=entry,
                agent_id=decision.agent_id,
                auto_accept=profiles[decision.agent_id].auto_accept,
                offered_at=now,
                expires_at=now + datetime.timedelta(seconds=policy.ACCEPT_SECONDS),
                decision=decision.as_json() | {"why": explain.why(decision)},
            )
        )
    for reason, ids in blocked.items():
        QueueEntry.objects.filter(pk__in=ids).update(blocked_reason=reason)
    for agent_id, more in loads.items():
        added[more].append(agent_id)
    for more, agent_ids in added.items():
        AgentProfile.objects.filter(pk__in=agent_ids).update(load=F("load") + more)
    if offers:
        QueueEntry.objects.filter(pk__in=[offer.entry_id for offer in offers]).update(
            state=QueueEntry.State.OFFERED, attempts=F("attempts") + 1, blocked_reason=""
        )
        Offer.objects.bulk_create(offers)
    return [decision_of(offer) for offer in offers]


class _Profile(NamedTuple):
    """What is read of an agent's profile, and no more: a look reads those of a whole company."""

    agent_id: uuid.UUID
    capacity: int
    load: int
    auto_accept: bool
    status: str
    lease_expires_at: datetime.datetime | None
    wrap_up_until: datetime.datetime | None
    cool_down_until: datetime.datetime | None
    cleared_until: datetime.datetime | None
    last_assigned_at: datetime.datetime | None
    last_ended_at: datetime.datetime | None
    counted_on: datetime.date | None
    taken: int


_PROFILE_COLUMNS = ["agent_id", *(f"agent__{field}" for field in _Profile._fields[1:])]


def _snapshot(
    entries: Sequence[QueueEntry], works: Sequence[matching.Work], now: datetime.datetime
) -> tuple[dict[uuid.UUID, _Profile], list[matching.Agent]]:
    """The agents who serve the entries' companies: the free ones locked, the others as readers
    of the decision are told of them.
    """
    companies = {entry.company_id for entry in entries}
    # Of a grant that is not in force the lock is too much, and does no harm.
    serving = Grant.objects.filter(agent=OuterRef("pk"), company_id__in=companies)
    locked = set(
        _free_agents(now)
        .filter(Exists(serving))
        .order_by("pk")
        .select_for_update(no_key=True, of=("self",))
        .values_list("pk", flat=True)
    )
    # Read after the locks: of a locked agent, everything here now stays as it is, but for their
    # memberships, which the acceptance asks for again.
    rows = (
        Grant.objects.in_force()
        .filter(company_id__in=companies)
        .values_list("company_id", "limit", "overflow", *_PROFILE_COLUMNS)
    )
    grants = [(_Profile(*row[3:]), *row[:3]) for row in rows]
    profiles = {profile.agent_id: profile for profile, *_ in grants}
    skills: dict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    if any(work.required or work.preferred for work in works):
        held = AgentSkill.objects.filter(agent_id__in=locked)
        for agent_id, key, level in held.values_list("agent_id", "skill__key", "level"):
            skills[agent_id][key] = level
    limited = {profile.agent_id for profile, _, limit, _ in grants if limit is not None} & locked
    carried = _carried(limited) if limited else {}
    serves: dict[uuid.UUID, dict[uuid.UUID, matching.Serves]] = defaultdict(dict)
    for (agent_id, *_), company_id, limit, overflow in grants:
        load = carried.get((agent_id, company_id), 0)
        serves[agent_id][company_id] = matching.Serves(limit, overflow, load)
    agents = [
        _agent(profile, skills[agent_id], serves[agent_id], now)
        for agent_id, profile in profiles.items()
        # Free since the locks were taken: their turn is the next look, which their change wakes.
        if agent_id in locked or not _is_free(profile, now)
    ]
    return profiles, agents


def _is_free(profile: _Profile, now: datetime.datetime) -> bool:
    return (
        profile.status == AgentProfile.Status.AVAILABLE
        and profile.lease_expires_at is not None
        and profile.lease_expires_at > now
        and profile.load < profile.capacity
    )


def _carried(agents: Collection[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], int]:
    with connection.cursor() as cursor:
        cursor.execute(_LOAD_BY_COMPANY, {"agents": list(agents)})
        return {(agent, company): load for agent, company, load in cursor.fetchall()}


def _agent(
    profile: _Profile,
    skills: dict[str, int],
    serves: dict[uuid.UUID, matching.Serves],
    now: datetime.datetime,
) -> matching.Agent:
    worked = [at for at in (profile.last_assigned_at, profile.last_ended_at) if at is not None]
    return matching.Agent(
        id=profile.agent_id,
        capacity=profile.capacity,
        load=profile.load,
        available=profile.status == AgentProfile.Status.AVAILABLE,
        lease_expires_at=profile.lease_expires_at,
        wrap_up_until=profile.wrap_up_until,
        cool_down_until=profile.cool_down_until,
        cleared_until=profile.cleared_until,
        idle_since=max(worked, default=None),
        taken=profile.taken if profile.counted_on == now.astimezone(datetime.UTC).date() else 0,
        skills=skills,
        serves=serves,
    )


def _work(entry: QueueEntry) -> matching.Work:
    return matching.Work(
        id=entry.pk,
        company_id=entry.company_id,
        turn_at=entry.turn_at,
        enqueued_at=entry.enqueued_at,
        weight=entry.weight,
        required=tuple(SkillNeed(*need) for need in entry.required_skills),
        preferred=tuple(SkillNeed(*need) for need in entry.preferred_skills),
        requires_clearance=entry.requires_clearance or entry.company.health_care_mode,
        last_agent_id=entry.last_agent_id,
        excluded=frozenset(entry.excluded_agents),
        rounds=entry.rounds,
    )


def note_unreachable(*, now: datetime.datetime | None = None) -> None:
    """Keep the reason of entries that no offer is sought for: nobody who serves them is free.

    For people who look at the queue; now and then is enough. Queries: 2 or 3.
    """
    now = now or database_now()
    waiting = QueueEntry.objects.filter(state=QueueEntry.State.WAITING)
    unreached = waiting.filter(~_reachable(now)).exclude(blocked_reason=Reason.NOBODY_FREE)
    with transaction.atomic():
        ids = list(
            unreached.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
        )
        if ids:
            QueueEntry.objects.filter(pk__in=ids).update(blocked_reason=Reason.NOBODY_FREE)

"""Many dispatchers, agents and visitors at once, on a real server with real commits."""

import random
import threading
import time
import uuid
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from routing import interface as routing
from routing.actions.load import lock_agent
from routing.clock import database_now
from routing.models import AgentProfile, AgentSkill, Assignment, Grant, Offer, QueueEntry
from tenants.errors import Conflict
from tests.cast import Cast
from tests.routing.scene import arrive, new_agent, queue

pytestmark = pytest.mark.real_commits

Job = Callable[[random.Random], None]


def at_once(jobs: list[Job], *, done: Callable[[], bool]) -> None:
    """Repeat every job in a thread of its own until `done`; the first error fails the test."""
    stop_at = time.monotonic() + 60
    errors: list[BaseException] = []
    start = threading.Barrier(len(jobs))

    def repeat(job: Job, seed: int) -> None:
        chance = random.Random(seed)
        try:
            start.wait()
            while not done() and time.monotonic() < stop_at and not errors:
                job(chance)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=repeat, args=(job, seed)) for seed, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_no_agent_is_overfilled_and_no_chat_offered_twice(cast: Cast) -> None:
    agents = [new_agent(f"agent{n}", cast.acme, cast.globex, capacity=2) for n in range(4)]
    agents += [new_agent(f"only{n}", cast.initech, capacity=3) for n in range(2)]
    companies = cast.companies
    seen: list[routing.OfferDecision] = []
    peaks: list[int] = []
    ends: list[uuid.UUID] = []

    def visitor(chance: random.Random) -> None:
        queue(chance.choice(companies))
        time.sleep(0.03)

    def dispatcher(chance: random.Random) -> None:
        seen.extend(routing.next_offers(limit=5))

    def agent(chance: random.Random) -> None:
        who = chance.choice(agents).pk
        for offer in routing.pending_offers(who):
            try:
                if chance.random() < 0.1:
                    routing.decline(offer_id=offer.offer_id, agent_id=who)
                else:
                    routing.accept(offer_id=offer.offer_id, agent_id=who)
            except Conflict:
                pass
        for held in routing.open_assignments(who)[:1]:
            if chance.random() < 0.3:
                try:
                    routing.requeue(
                        company_id=held.company_id, conversation_id=held.conversation_id
                    )
                except Conflict:
                    continue
            else:
                routing.end(company_id=held.company_id, conversation_id=held.conversation_id)
                ends.append(held.conversation_id)
        AgentProfile.objects.filter(pk=who).update(cool_down_until=None)

    def presence(chance: random.Random) -> None:
        who = chance.choice(agents).pk
        routing.set_status(agent_id=who, status=chance.choice(["available", "away"]))
        routing.renew_lease(agent_id=who)
        routing.expire_offers()
        time.sleep(0.01)

    def watcher(chance: random.Random) -> None:
        for load, capacity in AgentProfile.objects.values_list("load", "capacity"):
            peaks.append(load - capacity)
        time.sleep(0.01)

    jobs: list[Job] = [visitor, *[dispatcher] * 4, *[agent] * 4, presence, watcher]
    at_once(jobs, done=lambda: len(seen) > 60 and len(ends) > 20)

    assert len(seen) > 60
    assert len(ends) > 20
    assert max(peaks) <= 0
    call_command("reconcile_load")
    grants = set(Grant.objects.values_list("agent_id", "company_id"))
    assert all((offer.agent_id, offer.company_id) in grants for offer in seen)
    assert len({offer.offer_id for offer in seen}) == len(seen) == Offer.objects.count()
    for entry in QueueEntry.objects.prefetch_related("offers", "assignments"):
        offers = [o for o in entry.offers.all() if o.state == "offered"]
        held = [a for a in entry.assignments.all() if a.ended_at is None]
        assert (len(offers), len(held)) == {
            "waiting": (0, 0),
            "offered": (1, 0),
            "assigned": (0, 1),
            "ended": (0, 0),
        }[entry.state]


def test_two_desks_of_one_agent_accept_and_the_chat_is_assigned_once(cast: Cast) -> None:
    arrive(cast.amir, capacity=20)
    queue(cast.acme, 20)
    offers = routing.next_offers()
    answers: list[routing.AcceptedOffer] = []

    def desk(chance: random.Random) -> None:
        answers.extend(
            routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk) for offer in offers
        )
        finished.append(1)

    finished: list[int] = []
    at_once([desk] * 4, done=lambda: len(finished) >= 4)
    assert len(offers) == 20
    assert len(answers) >= 80
    assert sum(not a.repeated for a in answers) == 20
    assert Assignment.objects.count() == 20


def test_accepting_and_expiring_at_the_same_moment_has_one_winner(cast: Cast) -> None:
    arrive(cast.amir, capacity=20)
    queue(cast.acme, 20)
    offers = routing.next_offers()
    late = offers[0].expires_at
    accepted: list[uuid.UUID] = []
    expired: list[uuid.UUID] = []

    def agent(chance: random.Random) -> None:
        for offer in offers:
            try:
                routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
                accepted.append(offer.offer_id)
            except routing.OfferGone:
                pass
        finished.append(1)

    def sweep(chance: random.Random) -> None:
        expired.extend(closed.offer_id for closed in routing.expire_offers(now=late))
        finished.append(1)

    finished: list[int] = []
    at_once([agent, sweep, sweep], done=lambda: len(finished) >= 3)
    assert set(accepted) & set(expired) == set()
    assert len(expired) == len(set(expired))
    assert sorted({*accepted, *expired}) == sorted(o.offer_id for o in offers)
    call_command("reconcile_load")


@pytest.mark.parametrize("change", ["revoke", "away", "clearance", "skill"])
def test_what_is_taken_away_in_the_middle_is_not_offered(cast: Cast, change: str) -> None:
    """The change holds the agent's row; the dispatcher meets it, waits, and must see it."""
    routing.create_skill(key="sales", name="Sales")
    arrive(cast.amir)
    routing.add_skill(agent_id=cast.amir.pk, key="sales")
    AgentProfile.objects.update(cleared_until="2100-01-01T00:00Z")
    queue(cast.acme, required_skills=(routing.SkillNeed("sales"),), requires_clearance=True)
    made: list[routing.OfferDecision] = []

    def dispatcher() -> None:
        made.extend(routing.next_offers())
        connection.close()

    other = threading.Thread(target=dispatcher)
    with transaction.atomic():
        if change == "revoke":
            routing.revoke(agent_id=cast.amir.pk, company_id=cast.acme.id)
        elif change == "away":
            routing.set_status(agent_id=cast.amir.pk, status="away")
        elif change == "skill":
            lock_agent(cast.amir.pk)
            AgentSkill.objects.all().delete()
        else:
            AgentProfile.objects.update(cleared_until=database_now())
        other.start()
        other.join(timeout=0.4)
        assert other.is_alive()
    other.join()
    assert made == []
    assert Offer.objects.count() == 0
    assert routing.agent_state(cast.amir.pk).load == 0

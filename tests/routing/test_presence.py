import datetime
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from routing import interface as routing
from routing import policy
from routing.clock import database_now
from routing.models import AgentProfile, Assignment, PresenceChange, QueueEntry
from tenants.actions.memberships import end_membership
from tenants.actor import SYSTEM
from tenants.errors import Conflict
from tests.cast import Cast
from tests.routing.scene import arrive, entry_of, new_agent, queue, served_by

pytestmark = pytest.mark.django_db


def lose_lease(agent: uuid.UUID, *, seconds: float) -> None:
    """As if the agent's lease had run out so long ago."""
    at = database_now() - datetime.timedelta(seconds=seconds)
    AgentProfile.objects.filter(pk=agent).update(lease_expires_at=at)


def assigned_to_amir(cast: Cast) -> routing.AcceptedOffer:
    arrive(cast.amir)
    queue(cast.acme)
    (offer,) = routing.next_offers()
    return routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)


@pytest.mark.parametrize(
    ("status", "reason"),
    [("missed", ""), ("asleep", ""), ("away", "out with a cold"), ("away", "absent")],
)
def test_a_status_or_reason_outside_the_lists_is_refused(
    cast: Cast, status: str, reason: str
) -> None:
    with pytest.raises(routing.BadStatus):
        routing.set_status(agent_id=cast.amir.pk, status=status, reason=reason)
    assert routing.agent_state(cast.amir.pk).status == "offline"
    assert PresenceChange.objects.count() == 0


def test_each_change_of_status_is_kept_once(cast: Cast) -> None:
    routing.set_status(agent_id=cast.amir.pk, status="away", reason="lunch")
    routing.set_status(agent_id=cast.amir.pk, status="away", reason="lunch")
    routing.set_status(agent_id=cast.amir.pk, status="available", reason="lunch")
    kept = PresenceChange.objects.order_by("at").values_list("status", "reason")
    assert list(kept) == [("away", "lunch"), ("available", "")]


def test_who_is_no_agent_has_no_state(cast: Cast) -> None:
    with pytest.raises(routing.NotAnAgent):
        routing.agent_state(cast.olga.pk)
    with pytest.raises(routing.NotAnAgent):
        routing.set_status(agent_id=cast.olga.pk, status="available")
    assert routing.renew_lease(agent_id=cast.olga.pk) is False
    assert routing.is_agent(cast.olga.pk) is False


def test_an_agent_without_a_lease_is_offered_nothing(cast: Cast) -> None:
    routing.set_status(agent_id=cast.amir.pk, status="available")
    queue(cast.acme)
    assert routing.next_offers() == []
    assert routing.renew_lease(agent_id=cast.amir.pk) is True
    assert len(routing.next_offers()) == 1


def test_the_leases_of_many_are_renewed_together(cast: Cast) -> None:
    agents = [cast.amir, cast.ana, new_agent("nina", cast.acme)]
    for agent in agents:
        lose_lease(agent.pk, seconds=1)
    routing.renew_leases(agent_ids=[cast.olga.pk, agents[2].pk, cast.amir.pk])
    assert [routing.agent_state(agent.pk).connected for agent in agents] == [True, False, True]
    assert routing.is_agent(cast.olga.pk) is False


def test_a_dropped_lease_ends_offers_at_once_and_is_no_miss(cast: Cast) -> None:
    arrive(cast.amir)
    (conversation,) = queue(cast.acme)
    routing.next_offers()
    routing.drop_lease(agent_id=cast.amir.pk)
    (closed,) = routing.expire_offers()
    assert closed.state == "withdrawn"
    assert entry_of(conversation).state == "waiting"
    assert entry_of(conversation).excluded_agents == []
    assert AgentProfile.objects.get(pk=cast.amir.pk).misses == 0
    assert routing.next_offers() == []


def test_within_the_grace_nothing_is_given_back(cast: Cast) -> None:
    held = assigned_to_amir(cast)
    lose_lease(cast.amir.pk, seconds=policy.GRACE_SECONDS - 2)
    assert routing.release_absent() == []
    with pytest.raises(routing.AgentReturned):
        routing.requeue(
            company_id=held.company_id, conversation_id=held.conversation_id, reason="absent"
        )
    assert entry_of(held.conversation_id).state == "assigned"
    assert routing.agent_state(cast.amir.pk).status == "available"


def test_after_the_grace_the_chat_waits_again_with_its_age_and_comes_sooner(cast: Cast) -> None:
    held = assigned_to_amir(cast)
    before = entry_of(held.conversation_id)
    (younger,) = queue(cast.acme)
    lose_lease(cast.amir.pk, seconds=policy.GRACE_SECONDS + 1)

    (ref,) = routing.release_absent()
    assert (ref.conversation_id, ref.agent_id) == (held.conversation_id, cast.amir.pk)
    state = routing.agent_state(cast.amir.pk)
    assert (state.status, state.reason, state.connected) == ("offline", "absent", False)

    routing.requeue(
        company_id=held.company_id, conversation_id=held.conversation_id, reason="absent"
    )
    after = entry_of(held.conversation_id)
    assert after.state == "waiting"
    assert after.enqueued_at == before.enqueued_at
    assert after.priority == before.priority + policy.REQUEUE_PRIORITY
    assert after.last_agent_id == cast.amir.pk
    assert Assignment.objects.get().end_reason == "absent"
    assert routing.agent_state(cast.amir.pk).load == 0
    assert routing.release_absent() == []
    for place, conversation in enumerate([held.conversation_id, younger], start=1):
        position = routing.position(cast.acme.id, conversation)
        assert position is not None
        assert position.position == place


def test_an_agent_who_is_back_gets_their_visitor_again(cast: Cast) -> None:
    held = assigned_to_amir(cast)
    lose_lease(cast.amir.pk, seconds=policy.GRACE_SECONDS + 1)
    routing.release_absent()
    routing.requeue(
        company_id=held.company_id, conversation_id=held.conversation_id, reason="absent"
    )
    arrive(cast.ana)
    arrive(cast.amir)
    (offer,) = routing.next_offers()
    assert offer.agent_id == cast.amir.pk
    assert offer.why.startswith("Served this visitor before.")


def test_an_absent_agent_is_told_of_again_until_the_chat_is_given_back(cast: Cast) -> None:
    assigned_to_amir(cast)
    lose_lease(cast.amir.pk, seconds=policy.GRACE_SECONDS + 1)
    assert len(routing.release_absent()) == 1
    assert len(routing.release_absent()) == 1
    assert PresenceChange.objects.filter(status="offline").count() == 1


def test_a_chat_given_back_by_its_agent_goes_to_another_first(cast: Cast) -> None:
    held = assigned_to_amir(cast)
    routing.requeue(company_id=held.company_id, conversation_id=held.conversation_id)
    arrive(cast.ana, capacity=1)
    (offer,) = routing.next_offers()
    assert offer.agent_id == cast.ana.pk


def test_what_is_with_no_agent_cannot_be_given_back(cast: Cast) -> None:
    (conversation,) = queue(cast.acme)
    with pytest.raises(Conflict):
        routing.requeue(company_id=cast.acme.id, conversation_id=conversation)
    assert entry_of(conversation).state == "waiting"


def test_a_chat_is_not_given_back_in_the_name_of_another_company(cast: Cast) -> None:
    held = assigned_to_amir(cast)
    with pytest.raises(Conflict):
        routing.requeue(company_id=cast.initech.id, conversation_id=held.conversation_id)
    assert routing.end(company_id=cast.initech.id, conversation_id=held.conversation_id) == (
        routing.EndedWork()
    )
    assert entry_of(held.conversation_id).state == "assigned"


def test_wrap_up_keeps_the_next_chat_back(cast: Cast) -> None:
    held = assigned_to_amir(cast)
    AgentProfile.objects.update(wrap_up_seconds=30)
    routing.end(company_id=held.company_id, conversation_id=held.conversation_id)
    (conversation,) = queue(cast.acme)
    assert routing.next_offers() == []
    assert entry_of(conversation).blocked_reason == "wrapping_up"
    AgentProfile.objects.update(wrap_up_until=database_now())
    assert len(routing.next_offers()) == 1


def test_whoever_is_no_member_any_more_is_offered_nothing(cast: Cast) -> None:
    arrive(cast.amir)
    end_membership(company=cast.acme, user=cast.amir, actor=SYSTEM)
    (waiting,) = queue(cast.acme)
    assert routing.next_offers() == []
    assert entry_of(waiting).state == QueueEntry.State.WAITING
    assert served_by(cast.amir) == []


def test_the_work_of_many_agents_is_one_query(cast: Cast) -> None:
    taken = assigned_to_amir(cast)
    arrive(cast.ana)
    (ringing,) = queue(cast.globex)
    (offer,) = routing.next_offers()
    agents = [cast.ana.pk, cast.amir.pk, cast.olga.pk]
    with CaptureQueriesContext(connection) as context:
        work = routing.work_of_many(agents)
    assert len(context) == 1
    chat = (cast.acme.id, taken.conversation_id)
    assert work == {
        cast.amir.pk: routing.AgentWork(assigned=frozenset([chat])),
        cast.ana.pk: routing.AgentWork(ringing=frozenset([offer.offer_id])),
    }
    routing.end(company_id=cast.globex.id, conversation_id=ringing)
    routing.end(company_id=cast.acme.id, conversation_id=taken.conversation_id)
    assert routing.work_of_many(agents) == {}


def test_an_offer_that_accepts_itself_rings_at_no_desk(cast: Cast) -> None:
    arrive(cast.amir, auto_accept=True)
    queue(cast.acme)
    assert len(routing.next_offers()) == 1
    assert routing.work_of_many([cast.amir.pk]) == {}

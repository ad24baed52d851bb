import datetime
import uuid
from typing import Any

import pytest
from django.db import connection

from routing import interface as routing
from routing import policy
from routing.clock import database_now
from routing.models import AgentProfile, Assignment, Offer, PresenceChange
from tenants.models import OutboxEvent
from tests.cast import Cast
from tests.routing.scene import arrive, entry_of, queue, served_by

pytestmark = pytest.mark.django_db


def later(seconds: float) -> datetime.datetime:
    return database_now() + datetime.timedelta(seconds=seconds)


def offer_to(cast: Cast) -> routing.OfferDecision:
    """One chat of acme, offered to Amir."""
    arrive(cast.amir)
    queue(cast.acme)
    (offer,) = routing.next_offers()
    return offer


def load_of(agent_id: uuid.UUID) -> int:
    return routing.agent_state(agent_id).load


def test_an_offer_reserves_its_place_and_lasts_fifteen_seconds(cast: Cast) -> None:
    offer = offer_to(cast)
    stored = Offer.objects.get()
    assert offer.expires_at - stored.offered_at == datetime.timedelta(seconds=15)
    assert load_of(cast.amir.pk) == 1
    assert entry_of(offer.conversation_id).state == "offered"


def test_accepting_stamps_fairness_and_the_offer_does_not(cast: Cast) -> None:
    offer = offer_to(cast)
    assert AgentProfile.objects.get(pk=cast.amir.pk).last_assigned_at is None
    routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    agent = AgentProfile.objects.get(pk=cast.amir.pk)
    assert agent.last_assigned_at is not None
    assert agent.taken == 1
    assert load_of(cast.amir.pk) == 1


def test_accepting_twice_gives_the_same_answer_and_one_assignment(cast: Cast) -> None:
    offer = offer_to(cast)
    first = routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    again = routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    assert (first.repeated, again.repeated) == (False, True)
    assert again.conversation_id == offer.conversation_id
    assert Assignment.objects.count() == 1
    assert load_of(cast.amir.pk) == 1


def test_nobody_accepts_or_declines_the_offer_of_another(cast: Cast) -> None:
    offer = offer_to(cast)
    for answer in (routing.accept, routing.decline):
        with pytest.raises(routing.OfferGone):
            answer(offer_id=offer.offer_id, agent_id=cast.ana.pk)
        with pytest.raises(routing.OfferGone):
            answer(offer_id=uuid.uuid4(), agent_id=cast.amir.pk)
    assert Offer.objects.get().state == "offered"
    assert Assignment.objects.count() == 0


def test_an_offer_too_old_is_gone_though_no_sweep_has_met_it(cast: Cast) -> None:
    offer = offer_to(cast)
    with pytest.raises(routing.OfferGone):
        routing.accept(
            offer_id=offer.offer_id, agent_id=cast.amir.pk, now=later(policy.ACCEPT_SECONDS + 1)
        )
    assert entry_of(offer.conversation_id).state == "offered"
    assert Assignment.objects.count() == 0


def test_a_declined_chat_goes_to_the_next_agent_and_comes_back_after_the_cool_down(
    cast: Cast,
) -> None:
    offer = offer_to(cast)
    closed = routing.decline(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    assert closed.state == "declined"
    assert load_of(cast.amir.pk) == 0
    assert routing.next_offers() == []
    assert entry_of(offer.conversation_id).blocked_reason == "cooling_down"

    arrive(cast.ana)
    (second,) = routing.next_offers()
    assert second.agent_id == cast.ana.pk
    routing.decline(offer_id=second.offer_id, agent_id=cast.ana.pk)
    assert routing.next_offers() == []

    # Everybody has said no: a new round begins once their cool-down is over.
    AgentProfile.objects.update(cool_down_until=database_now())
    (third,) = routing.next_offers()
    assert third.conversation_id == offer.conversation_id
    assert entry_of(offer.conversation_id).rounds == 1


def test_a_declined_offer_cannot_be_accepted(cast: Cast) -> None:
    offer = offer_to(cast)
    routing.decline(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    with pytest.raises(routing.OfferGone):
        routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    assert entry_of(offer.conversation_id).state == "waiting"
    assert load_of(cast.amir.pk) == 0


def test_an_expired_offer_frees_the_agent_and_excludes_them_for_the_round(cast: Cast) -> None:
    offer = offer_to(cast)
    assert routing.expire_offers() == []
    (closed,) = routing.expire_offers(now=offer.expires_at)
    assert (closed.offer_id, closed.agent_id, closed.state) == (
        offer.offer_id,
        cast.amir.pk,
        "expired",
    )
    assert load_of(cast.amir.pk) == 0
    assert entry_of(offer.conversation_id).excluded_agents == [cast.amir.pk]
    assert routing.expire_offers(now=offer.expires_at) == []


def test_the_second_miss_in_a_row_sets_the_agent_missed(cast: Cast) -> None:
    arrive(cast.amir)
    queue(cast.acme, 2)
    first, second = routing.next_offers()
    routing.expire_offers(now=first.expires_at)
    assert first.expires_at == second.expires_at
    state = routing.agent_state(cast.amir.pk)
    assert (state.status, state.reason, state.load) == ("missed", "missed", 0)
    assert list(PresenceChange.objects.values_list("status", flat=True)) == ["available", "missed"]
    assert routing.next_offers() == []
    # Only the agent ends it.
    routing.set_status(agent_id=cast.amir.pk, status="available")
    assert AgentProfile.objects.get(pk=cast.amir.pk).misses == 0


def test_an_accepted_chat_forgives_the_miss_before_it(cast: Cast) -> None:
    offer = offer_to(cast)
    routing.expire_offers(now=offer.expires_at)
    AgentProfile.objects.update(cool_down_until=None)
    (again,) = routing.next_offers()
    routing.accept(offer_id=again.offer_id, agent_id=cast.amir.pk)
    queue(cast.acme)
    (third,) = routing.next_offers()
    routing.expire_offers(now=third.expires_at)
    assert routing.agent_state(cast.amir.pk).status == "available"


def test_an_automatic_offer_left_lying_is_no_miss(cast: Cast) -> None:
    arrive(cast.amir, auto_accept=True)
    queue(cast.acme)
    (offer,) = routing.next_offers()
    assert offer.auto_accept
    (closed,) = routing.expire_offers(now=offer.expires_at)
    assert closed.state == "withdrawn"
    agent = AgentProfile.objects.get(pk=cast.amir.pk)
    assert (agent.misses, agent.load, agent.cool_down_until) == (0, 0, None)


def test_going_away_takes_the_offers_back(cast: Cast) -> None:
    offer = offer_to(cast)
    state, closed = routing.set_status(agent_id=cast.amir.pk, status="away", reason="lunch")
    assert (state.status, state.reason, state.load) == ("away", "lunch", 0)
    assert [(one.offer_id, one.state) for one in closed] == [(offer.offer_id, "withdrawn")]
    assert Offer.objects.get().state == "withdrawn"
    assert entry_of(offer.conversation_id).state == "waiting"


def test_a_revoked_grant_takes_the_offer_back_and_leaves_other_companies_alone(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    arrive(cast.ana)
    queue(cast.acme)
    queue(cast.globex)
    offers = {o.company_id: o for o in routing.next_offers()}
    with django_capture_on_commit_callbacks() as callbacks:
        routing.revoke(agent_id=cast.ana.pk, company_id=cast.globex.id)
    # A process that dies now has told it already; only the offer is left to lapse.
    (told,) = OutboxEvent.objects.filter(topic="access.changed")
    assert (told.company_id, told.object_id) == (cast.globex.id, str(cast.ana.pk))
    assert Offer.objects.get(pk=offers[cast.globex.id].offer_id).state == "offered"
    for callback in callbacks:
        callback()
    assert Offer.objects.get(pk=offers[cast.globex.id].offer_id).state == "withdrawn"
    assert Offer.objects.get(pk=offers[cast.acme.id].offer_id).state == "offered"
    with pytest.raises(routing.OfferGone):
        routing.accept(offer_id=offers[cast.globex.id].offer_id, agent_id=cast.ana.pk)
    assert routing.next_offers() == []
    assert served_by(cast.ana) == [cast.acme.id]


def test_a_visitor_who_leaves_takes_the_offer_along(cast: Cast) -> None:
    offer = offer_to(cast)
    ended = routing.end(company_id=cast.acme.id, conversation_id=offer.conversation_id)
    assert (ended.agent_id, ended.offer_id) == (cast.amir.pk, offer.offer_id)
    assert load_of(cast.amir.pk) == 0
    with pytest.raises(routing.OfferGone):
        routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    nothing = routing.end(company_id=cast.acme.id, conversation_id=offer.conversation_id)
    assert nothing == routing.EndedWork()


def test_clearance_that_ends_before_the_acceptance_is_not_passed_over(cast: Cast) -> None:
    arrive(cast.ana)
    AgentProfile.objects.update(cleared_until=later(60))
    (conversation,) = queue(cast.globex, requires_clearance=True)
    (offer,) = routing.next_offers()
    AgentProfile.objects.update(cleared_until=database_now())
    with pytest.raises(routing.OfferGone):
        routing.accept(offer_id=offer.offer_id, agent_id=cast.ana.pk)
    assert Assignment.objects.count() == 0
    assert entry_of(conversation).state == "offered"


def test_a_stored_decision_names_candidates_and_losers(cast: Cast) -> None:
    arrive(cast.amir)
    queue(cast.acme)
    routing.next_offers()
    decision = Offer.objects.get().decision
    assert [agent for agent, _ in decision["candidates"]] == [str(cast.amir.pk)]
    assert decision["lost"] == {str(cast.ana.pk): "not_available"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT decision::text FROM routing_offer")
        assert "Amir" not in cursor.fetchone()[0]

import datetime
import uuid

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from routing import interface as routing
from routing.actions.agents import change_agent
from routing.clock import database_now
from routing.models import AgentProfile, QueueEntry
from tenants.actions import memberships
from tenants.actor import SYSTEM
from tenants.errors import Invalid
from tenants.models import Company
from tests.cast import Cast
from tests.routing.scene import arrive, entry_of, new_agent, queue

pytestmark = pytest.mark.django_db


def queries_of_next_offers() -> int:
    """Without the savepoints that only a test's outer transaction makes of transactions."""
    with CaptureQueriesContext(connection) as captured:
        routing.next_offers()
    return len([q for q in captured if "SAVEPOINT" not in q["sql"]])


def test_the_same_conversation_is_queued_once(cast: Cast) -> None:
    conversation = uuid.uuid4()
    for _ in range(2):
        routing.enqueue(company_id=cast.acme.id, conversation_id=conversation)
    assert QueueEntry.objects.count() == 1


def test_a_last_agent_who_is_no_agent_any_more_is_passed_over(cast: Cast) -> None:
    (conversation,) = queue(cast.acme, last_agent_id=cast.olga.pk)
    assert entry_of(conversation).last_agent_id is None


def test_the_oldest_is_offered_first_and_priority_overtakes(cast: Cast) -> None:
    arrive(cast.amir, capacity=3)
    now = database_now()
    minutes = {1: 0, 2: 0, 5: 2, 3: 3}
    ids = {}
    for waited, priority in minutes.items():
        ids[waited] = uuid.uuid4()
        routing.enqueue(
            company_id=cast.acme.id,
            conversation_id=ids[waited],
            priority=priority,
            now=now - datetime.timedelta(minutes=waited),
        )
    offered = [o.conversation_id for o in routing.next_offers()]
    assert offered == [ids[5], ids[3], ids[2]]


def test_more_than_a_batch_of_unplaceable_heads_delays_nobody(cast: Cast) -> None:
    routing.create_skill(key="sales", name="Sales")
    arrive(cast.amir, capacity=2)
    needs = (routing.SkillNeed("sales"),)
    heads = queue(cast.acme, 120, required_skills=needs)
    queue(cast.initech, 3)
    (last,) = queue(cast.acme)
    (offer,) = routing.next_offers()
    assert offer.conversation_id == last
    routing.note_unreachable()
    assert entry_of(heads[0]).blocked_reason == "skill"
    assert set(
        QueueEntry.objects.filter(company_id=cast.initech.id).values_list(
            "blocked_reason", flat=True
        )
    ) == {"nobody_free"}


def test_no_agent_is_offered_a_chat_of_a_company_they_do_not_serve(cast: Cast) -> None:
    arrive(cast.amir)
    queue(cast.globex)
    queue(cast.initech)
    assert routing.next_offers() == []
    assert routing.agent_state(cast.amir.pk).load == 0


def test_a_health_care_chat_waits_for_a_cleared_agent(cast: Cast) -> None:
    arrive(cast.ana)
    (conversation,) = queue(cast.globex, requires_clearance=True)
    assert routing.next_offers() == []
    assert entry_of(conversation).blocked_reason == "not_cleared"
    routing.create_agent(
        user_id=cast.ana.pk, cleared_until=database_now() + datetime.timedelta(days=1)
    )
    assert len(routing.next_offers()) == 1


def test_health_care_mode_switched_on_holds_for_what_waits_and_rings_already(cast: Cast) -> None:
    arrive(cast.ana)
    ringing, waiting = queue(cast.globex), queue(cast.globex)
    routing.create_agent(user_id=cast.ana.pk, capacity=1)
    (offer,) = routing.next_offers()
    Company.objects.filter(pk=cast.globex.id).update(health_care_mode=True)
    with pytest.raises(routing.OfferGone):
        routing.accept(offer_id=offer.offer_id, agent_id=cast.ana.pk)
    routing.create_agent(user_id=cast.ana.pk, capacity=3)
    assert routing.next_offers() == []
    assert [entry_of(i).state for i in ringing + waiting] == ["offered", "waiting"]


def test_capacity_is_one_number_for_all_companies(cast: Cast) -> None:
    arrive(cast.ana, capacity=3)
    queue(cast.acme, 2)
    queue(cast.globex, 2)
    assert len(routing.next_offers()) == 3
    assert routing.agent_state(cast.ana.pk).load == 3


def test_a_limit_for_one_company_leaves_room_for_another(cast: Cast) -> None:
    arrive(cast.ana, capacity=3)
    routing.grant(agent_id=cast.ana.pk, company_id=cast.acme.id, limit=1)
    acme = queue(cast.acme, 2)
    globex = queue(cast.globex, 2)
    offers = routing.next_offers()
    assert {o.conversation_id for o in offers} == {acme[0], *globex}
    routing.accept(offer_id=offers[0].offer_id, agent_id=cast.ana.pk)
    routing.end(company_id=cast.globex.id, conversation_id=globex[0])
    assert routing.next_offers() == []
    assert entry_of(acme[1]).blocked_reason == "company_limit"


def test_a_suspended_company_is_served_nothing(cast: Cast) -> None:
    arrive(cast.amir)
    queue(cast.acme)
    Company.objects.filter(pk=cast.acme.id).update(state=Company.State.SUSPENDED)
    assert routing.next_offers() == []


def test_the_number_of_queries_does_not_grow_with_the_chats(cast: Cast) -> None:
    arrive(cast.amir, capacity=20)
    assert queries_of_next_offers() == 2
    queue(cast.acme)
    assert queries_of_next_offers() == 7
    queue(cast.acme, 15)
    assert queries_of_next_offers() == 7


def test_the_position_counts_the_own_company_only_and_guesses_from_what_was_handled(
    cast: Cast,
) -> None:
    queue(cast.globex, 5)
    first, second = queue(cast.acme, 2)
    assert routing.position(cast.acme.id, first) == routing.QueuePosition(1, None)
    assert routing.position(cast.acme.id, second) == routing.QueuePosition(2, None)
    assert routing.position(cast.globex.id, second) is None

    arrive(cast.amir, capacity=1)
    for _ in range(3):
        (offer,) = routing.next_offers()
        routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
        (ref,) = routing.open_assignments(cast.amir.pk)
        later = ref.since + datetime.timedelta(seconds=100)
        routing.end(company_id=ref.company_id, conversation_id=ref.conversation_id, now=later)
        AgentProfile.objects.update(wrap_up_until=None)
        (waiting,) = queue(cast.acme)
    (offer,) = routing.next_offers()
    routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    assert routing.position(cast.acme.id, offer.conversation_id) is None
    assert routing.position(cast.acme.id, waiting) == routing.QueuePosition(1, (50, 150))


def test_an_agent_whose_membership_ended_shortens_nobody_s_wait(cast: Cast) -> None:
    arrive(cast.amir)
    (conversation,) = queue(cast.acme)
    (elsewhere,) = queue(cast.globex)
    arrive(cast.ana)
    assert routing.position(cast.acme.id, conversation) == routing.QueuePosition(1, (0, 60))
    for agent in (cast.amir, cast.ana):
        memberships.end_membership(company=cast.acme, user=agent, actor=SYSTEM)
    assert routing.position(cast.acme.id, conversation) == routing.QueuePosition(1, None)
    assert routing.position(cast.globex.id, elsewhere) == routing.QueuePosition(1, (0, 60))


def test_a_capacity_below_the_load_stands_on_a_name_until_the_load_is_within(cast: Cast) -> None:
    arrive(cast.amir, capacity=2)
    conversations = queue(cast.acme, 2)
    routing.next_offers()
    change_agent(
        agent_id=cast.amir.pk,
        capacity=1,
        auto_accept=False,
        wrap_up_seconds=0,
        cleared_until=None,
        by=cast.otto.pk,
    )
    assert AgentProfile.objects.get(pk=cast.amir.pk).override_by_id == cast.otto.pk
    routing.end(company_id=cast.acme.id, conversation_id=conversations[0])
    agent = AgentProfile.objects.get(pk=cast.amir.pk)
    assert (agent.load, agent.override_by_id) == (1, None)


@pytest.mark.parametrize("capacity", [0, 21])
def test_a_capacity_out_of_range_is_refused(cast: Cast, capacity: int) -> None:
    with pytest.raises(Invalid):
        routing.create_agent(user_id=cast.amir.pk, capacity=capacity)
    assert routing.agent_state(cast.amir.pk).capacity == 3


def test_a_skill_that_is_not_in_the_catalogue_is_refused(cast: Cast) -> None:
    with pytest.raises(Invalid):
        routing.add_skill(agent_id=cast.amir.pk, key="sales")
    routing.create_skill(key="sales", name="Sales")
    routing.add_skill(agent_id=cast.amir.pk, key="sales", level=4)
    arrive(cast.amir)
    queue(cast.acme, required_skills=(routing.SkillNeed("sales", 4),))
    (offer,) = routing.next_offers()
    assert offer.skills == ("sales",)
    assert offer.agent_id == cast.amir.pk


def test_reconciling_finds_a_drift_and_names_the_agent(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    arrive(cast.amir)
    queue(cast.acme)
    routing.next_offers()
    call_command("reconcile_load")
    assert "No drift." in capsys.readouterr().out
    AgentProfile.objects.filter(pk=cast.amir.pk).update(load=3)
    with pytest.raises(CommandError, match="1 agents"):
        call_command("reconcile_load")
    assert f"{cast.amir.pk}: stored 3, live 1" in capsys.readouterr().err


def test_agents_take_turns(cast: Cast) -> None:
    agents = [new_agent(f"agent{n}", cast.initech, capacity=5) for n in range(4)]
    taken = []
    for _ in range(8):
        queue(cast.initech)
        (offer,) = routing.next_offers()
        routing.accept(offer_id=offer.offer_id, agent_id=offer.agent_id)
        taken.append(offer.agent_id)
    assert sorted(taken[:4]) == sorted(a.pk for a in agents)
    assert taken[4:] == taken[:4]

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from routing import interface as routing
from routing.models import AgentProfile, Grant, Offer, Skill
from tenants.actions.memberships import add_member
from tenants.actor import SYSTEM
from tenants.models import AuditEvent, OutboxEvent, Role, User
from tests.cast import Cast
from tests.routing.scene import arrive, queue, served_by

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]
PLATFORM = "config.urls_public"


def address(name: str, *arguments: object) -> str:
    return reverse(f"platform_admin:routing_{name}", args=arguments, urlconf=PLATFORM)


def form_of(agent: User, *grants: Grant, **changes: Any) -> dict[str, Any]:
    """What the page of an agent posts; `changes` over what is stored."""
    data: dict[str, Any] = {
        "capacity": 3,
        "wrap_up_seconds": 0,
        "grants-TOTAL_FORMS": len(grants),
        "grants-INITIAL_FORMS": len(grants),
        "skills-TOTAL_FORMS": 0,
        "skills-INITIAL_FORMS": 0,
    }
    for number, grant in enumerate(grants):
        data[f"grants-{number}-id"] = grant.pk
        data[f"grants-{number}-agent"] = agent.pk
        data[f"grants-{number}-company"] = grant.company_id
    return data | changes


def test_an_operator_changes_an_agents_settings_and_the_log_names_the_fields(
    cast: Cast, client_for: ClientFor
) -> None:
    response = client_for(cast.otto).post(
        address("agentprofile_change", cast.amir.pk),
        form_of(
            cast.amir,
            *Grant.objects.filter(agent=cast.amir.pk),
            capacity=5,
            auto_accept="on",
        ),
    )
    assert response.status_code == 302, response.context["errors"]
    state = routing.agent_state(cast.amir.pk)
    assert (state.capacity, state.auto_accept, state.status) == (5, True, "offline")
    event = AuditEvent.objects.get(target_kind="agentprofile")
    assert (event.actor_id, event.target_id) == (cast.otto.pk, str(cast.amir.pk))
    assert event.facts["fields"] == "Capacity, Auto accept"


def test_an_operator_makes_a_person_an_agent_of_a_company(
    cast: Cast, client_for: ClientFor
) -> None:
    data = form_of(cast.sara, user=str(cast.sara.pk))
    data |= {"grants-TOTAL_FORMS": 1, "grants-0-company": str(cast.globex.id)}
    response = client_for(cast.otto).post(address("agentprofile_add"), data)
    assert response.status_code == 302
    assert served_by(cast.sara) == [cast.globex.id]
    assert routing.agent_state(cast.sara.pk).status == "offline"


def test_a_grant_that_is_revoked_takes_its_offer_back(
    cast: Cast, client_for: ClientFor, django_capture_on_commit_callbacks: Any
) -> None:
    arrive(cast.amir)
    queue(cast.acme)
    routing.next_offers()
    (grant,) = Grant.objects.filter(agent=cast.amir.pk)
    data = form_of(cast.amir, grant) | {"grants-0-revoked": "on"}
    with django_capture_on_commit_callbacks() as callbacks:
        client_for(cast.otto).post(address("agentprofile_change", cast.amir.pk), data)
    assert served_by(cast.amir) == []
    # A process that dies now has told it already; only the offer is left to lapse.
    (told,) = OutboxEvent.objects.filter(topic="access.changed")
    assert (told.company_id, told.object_id) == (cast.acme.id, str(cast.amir.pk))
    assert Offer.objects.get().state == "offered"
    for callback in callbacks:
        callback()
    assert Offer.objects.get().state == "withdrawn"
    assert routing.agent_state(cast.amir.pk).load == 0


def test_what_is_revoked_stays_away_though_the_agent_opens_the_desk(
    cast: Cast, client_for: ClientFor
) -> None:
    add_member(company=cast.initech, user=cast.ana, role=Role.AGENT, actor=SYSTEM)
    grants = Grant.objects.filter(agent=cast.ana.pk).order_by("company__name")
    assert [grant.company_id for grant in grants] == [cast.acme.id, cast.globex.id]
    page = address("agentprofile_change", cast.ana.pk)
    client_for(cast.otto).post(page, form_of(cast.ana, *grants) | {"grants-1-revoked": "on"})
    assert served_by(cast.ana) == [cast.acme.id]
    assert client_for(cast.ana).get("/desk/").status_code == 200
    assert served_by(cast.ana) == [cast.acme.id, cast.initech.id]
    client_for(cast.otto).post(page, form_of(cast.ana, *grants.all()))
    assert served_by(cast.ana) == [cast.acme.id, cast.globex.id, cast.initech.id]


def test_a_capacity_below_the_load_is_kept_on_the_operators_name(
    cast: Cast, client_for: ClientFor
) -> None:
    arrive(cast.amir)
    queue(cast.acme, 2)
    routing.next_offers()
    data = form_of(cast.amir, *Grant.objects.filter(agent=cast.amir.pk), capacity=1)
    client_for(cast.otto).post(address("agentprofile_change", cast.amir.pk), data)
    agent = AgentProfile.objects.get(pk=cast.amir.pk)
    assert (agent.capacity, agent.load, agent.override_by_id) == (1, 2, cast.otto.pk)


@pytest.mark.parametrize("page", ["skill", "agentprofile", "queueentry", "offer"])
def test_the_lists_open_for_operators_and_for_nobody_else(
    cast: Cast, client_for: ClientFor, page: str
) -> None:
    arrive(cast.amir)
    queue(cast.acme)
    routing.next_offers()
    routing.create_skill(key="sales", name="Sales")
    url = address(f"{page}_changelist")
    assert client_for(cast.otto).get(url).status_code == 200
    assert client_for(cast.ana).get(url).status_code == 404
    assert client_for(None).get(url).status_code == 302


def test_queue_and_offers_are_only_read_and_agents_never_deleted(
    cast: Cast, client_for: ClientFor
) -> None:
    operator = client_for(cast.otto)
    for name in ("queueentry_add", "offer_add"):
        assert operator.get(address(name)).status_code == 403
    deleted = operator.post(address("agentprofile_delete", cast.amir.pk), {"post": "yes"})
    assert deleted.status_code == 403
    assert AgentProfile.objects.filter(pk=cast.amir.pk).exists()
    assert Skill.objects.count() == 0

"""What an operator sees first: how the service is doing, and nothing that anybody wrote."""

import datetime
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from routing import interface as routing
from tenants.models import Company, DeadTask, OutboxEvent
from tests.cast import Cast
from tests.routing.scene import arrive, queue
from tests.site.stories import conversation
from tests.site.test_query_counts import queries

pytestmark = pytest.mark.django_db


def overview(client: Client) -> str:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_overview_counts_companies_chats_and_agents(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    Company.objects.filter(pk=cast.initech.id).update(state=Company.State.SUSPENDED)
    arrive(cast.ana, capacity=1)
    taken, waiting = queue(cast.acme)[0], queue(cast.globex, 2)
    for offer in routing.next_offers():
        routing.accept(offer_id=offer.offer_id, agent_id=cast.ana.pk)
    page = overview(client_for(cast.otto))
    for figure in (
        '2</span><span class="stat__label">waiting, the longest for',
        '1</span><span class="stat__label">with an agent now',
        '1</span><span class="stat__label">taken by agents today',
        '1</span><span class="stat__label">of 2 agents accepting chats',
        '2</span><span class="stat__label">companies active, 1 suspended',
    ):
        assert f'<span class="stat__value">{figure}' in page
    # The one that waits longest is on top; who has no open chat is not named.
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    assert table.index("Globex Dental") < table.index("Acme Motors")
    assert "Initech" not in table
    assert not any(str(chat) in page for chat in (taken, *waiting))


def test_an_agent_whose_desk_is_gone_is_not_counted_as_accepting(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    arrive(cast.ana)
    routing.drop_lease(agent_id=cast.ana.pk)
    assert '0</span><span class="stat__label">of 2 agents' in overview(client_for(cast.otto))


def test_it_tells_of_jobs_that_are_late_given_up_or_refused(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.otto)
    OutboxEvent.objects.update(done_at=timezone.now())
    assert "No background job is late." in overview(client)
    now, hour = timezone.now(), datetime.timedelta(hours=1)
    event = {"company_id": cast.acme.id, "topic": "x", "object_id": "1"}
    OutboxEvent.objects.create(**event, available_at=now + hour)
    assert "No background job is late." in overview(client)
    OutboxEvent.objects.create(**event, available_at=now - 2 * hour)
    OutboxEvent.objects.create(**event, dead_at=now)
    OutboxEvent.objects.create(**event, dead_at=now - datetime.timedelta(days=8))
    DeadTask.objects.create(company_id="nobody", task="x", reason="company_gone")
    page = overview(client)
    assert "1 background job</a> should have begun, the oldest 2 hours ago." in page
    assert "1 background job</a> of the last seven days had to be given up" in page
    assert "1 background job</a> of the last seven days named no active company" in page
    assert "No background job is late." not in page


def test_djangos_own_lists_tell_times_by_the_24_hour_clock(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    at = datetime.datetime(2026, 1, 2, 17, 5, tzinfo=datetime.UTC)
    Company.objects.filter(pk=cast.acme.id).update(created_at=at)
    page = client_for(cast.otto).get("/admin/tenants/company/").content.decode()
    assert "2 Jan 2026, 17:05" in page


def test_the_overview_asks_as_often_for_many_companies_as_for_one(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.otto)
    client.get("/admin/")
    queue(cast.acme)
    few = queries(client, "/admin/")
    for company in cast.companies:
        queue(company, 2)
        conversation(company)
    many = queries(client, "/admin/")
    # Session and person; companies, late events, given up, refused; open chats, agents.
    assert len(many) == 8, "\n".join(many)
    assert len(few) == 8, "\n".join(few)
    # No company's schema is looked into.
    assert not any("chat_" in query for query in many)

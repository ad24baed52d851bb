"""How far a lead has come, as the agent who saved it sees it."""

import re
import uuid
from collections.abc import Callable

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.actions import leads
from chat.models import Conversation
from crm_sync.actions import connections
from crm_sync.actions.deliveries import create_deliveries, send_due
from crm_sync.models import Connection, Delivery
from crm_sync.queries.deliveries import way_of
from tenants.actor import SYSTEM, Actor
from tenants.context import in_company
from tenants.models import AuditEvent, User, Verb
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.crm_sync import builders
from tests.crm_sync.doubles import HttpDouble

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


def saved(company: CompanyRef, agent: User, made: Conversation, version: int = 0) -> uuid.UUID:
    with in_company(company):
        return leads.save(
            company=company,
            conversation_id=made.pk,
            client_id=uuid.uuid4(),
            fields={"name": "Mia Visitor", "email": "mia@visitors.example"},
            version=version,
            actor=Actor.person(agent),
            agent=agent,
        ).lead_id


def shown(client: Client, company: CompanyRef, made: Conversation) -> tuple[list[str], bool]:
    """The words of the part, and whether it says that nothing more will happen."""
    response = client.get(f"/desk/c/{company.slug}/{made.pk}/deliveries/")
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store, private"
    html = response.content.decode()
    items = re.findall(r"<li[^>]*>(.*?)</li>", html)
    return [" ".join(re.sub(r"<[^>]+>", " ", item).split()) for item in items], (
        "data-settled" in html
    )


def send(company: CompanyRef, lead_id: uuid.UUID) -> None:
    with in_company(company):
        create_deliveries(company=company, lead_id=lead_id)
        for connection in Connection.objects.all():
            send_due(company=company, connection_id=connection.pk)


def test_a_lead_is_on_its_way_until_it_is_delivered(
    cast: Cast, client_for: ClientFor, crm: HttpDouble
) -> None:
    client = client_for(cast.ana)
    made = conversation(cast.acme, agent=cast.ana)
    with in_company(cast.acme):
        builders.webhook(cast.acme, crm.url)
    lead_id = saved(cast.acme, cast.ana, made)
    assert shown(client, cast.acme, made) == (["On its way"], False)
    with in_company(cast.acme):
        create_deliveries(company=cast.acme, lead_id=lead_id)
        name = Connection.objects.get().name
    assert shown(client, cast.acme, made) == ([f"On its way {name}"], False)
    send(cast.acme, lead_id)
    assert shown(client, cast.acme, made) == ([f"Delivered {name}"], True)
    saved(cast.acme, cast.ana, made, version=1)
    assert shown(client, cast.acme, made) == (["On its way"], False)


def test_a_company_without_a_crm_keeps_the_lead(cast: Cast, client_for: ClientFor) -> None:
    made = conversation(cast.acme, agent=cast.ana)
    send(cast.acme, saved(cast.acme, cast.ana, made))
    assert shown(client_for(cast.ana), cast.acme, made) == (
        ["Kept here; no CRM is connected for it."],
        True,
    )


def test_each_connection_has_its_own_fate(
    cast: Cast, client_for: ClientFor, crm: HttpDouble
) -> None:
    made = conversation(cast.acme, agent=cast.ana)
    with in_company(cast.acme):
        for name in ("Dead", "Retried", "Held", "Fine"):
            builders.webhook(cast.acme, crm.url, name=name)
        paused = Connection.objects.get(name="Held")
        connections.pause(company=cast.acme, actor=SYSTEM, connection_id=paused.pk)
    lead_id = saved(cast.acme, cast.ana, made)
    send(cast.acme, lead_id)
    with in_company(cast.acme):
        for name, state in (("Dead", "dead_letter"), ("Retried", "retry_scheduled")):
            Delivery.objects.filter(connection__name=name).update(state=state)
    words, is_settled = shown(client_for(cast.ana), cast.acme, made)
    assert sorted(words) == [
        "Delivered Fine",
        "Not delivered Dead",
        "Not yet, will be retried Held",
        "Not yet, will be retried Retried",
    ]
    assert not is_settled
    with in_company(cast.acme), CaptureQueriesContext(database) as context:
        way_of(cast.acme, lead_id, 1)
    assert sum(not q["sql"].lower().startswith("set search_path") for q in context) == 2


def test_only_the_agent_of_the_chat_is_told_and_nothing_of_the_lead(
    cast: Cast, client_for: ClientFor
) -> None:
    made = conversation(cast.acme, agent=cast.ana)
    without = conversation(cast.acme, agent=cast.ana)
    victim = conversation(cast.initech, agent=cast.ivan)
    saved(cast.acme, cast.ana, made)
    saved(cast.initech, cast.ivan, victim)
    for person, slug, found in (
        (cast.amir, "acme", made.pk),
        (cast.sara, "acme", made.pk),
        (cast.ana, "globex", made.pk),
        (cast.ana, "acme", without.pk),
        (cast.ana, "initech", victim.pk),
        (cast.ana, "acme", victim.pk),
    ):
        response = client_for(person).get(f"/desk/c/{slug}/{found}/deliveries/")
        assert response.status_code == 404, (person, slug)
    path = f"/desk/c/acme/{made.pk}/deliveries/"
    assert client_for(cast.audrey).get(path).status_code == 403
    assert client_for(None).get(path)["Location"].startswith("/accounts/login/")
    assert client_for(cast.ana, cast.acme).get(path).status_code == 404
    assert b"Mia" not in client_for(cast.ana).get(path).content
    assert not AuditEvent.objects.filter(verb=Verb.LEAD_READ).exists()

"""The offline form: one message is one lead, for the right company, or nothing at all."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chat.interface import latest_lead_revision, lead_payload
from chat.models import Lead, Visitor
from tenants import resolution
from tenants.context import in_company
from tenants.models import Company, OutboxEvent
from tests.cast import Cast

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
WEBSITE = "https://www.acme.example"
FIELDS = {"name": "Vera", "email": "vera@example.com", "notes": "Please call.\nAfter five."}


def leave(client: Client, body: dict[str, Any], origin: str = "http://acme.localhost") -> Any:
    return client.post(
        "/widget/offline",
        json.dumps(body),
        content_type="application/json",
        headers={"Origin": origin},
    )


def message(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "origin": WEBSITE,
        "fields": FIELDS,
        "page_url": f"{WEBSITE}/cars/7",
        "page_title": "Cars",
        **changes,
    }


def count(cast: Cast, company: str = "acme") -> tuple[int, int]:
    with in_company(getattr(cast, company)):
        return Lead.objects.count(), Visitor.objects.count()


def stored(cast: Cast, company: str = "acme") -> Any:
    with in_company(getattr(cast, company)):
        lead = Lead.objects.get()
        return lead_payload(lead.pk, latest_lead_revision(lead.pk))


def test_a_message_becomes_a_lead_and_is_told_to_the_crm(cast: Cast, client_for: ClientFor) -> None:
    response = leave(client_for(None, cast.acme), message())
    assert response.status_code == 201
    payload = stored(cast)
    assert response.json() == {"lead": str(payload.lead_id)}
    assert (payload.contact.name, payload.contact.email) == ("Vera", "vera@example.com")
    assert payload.notes == "Please call.\nAfter five."
    assert payload.page.url == f"{WEBSITE}/cars/7"
    assert payload.consent.marketing is False
    assert OutboxEvent.objects.filter(
        company_id=cast.acme.id, topic="lead.captured", object_id=str(payload.lead_id)
    ).exists()
    assert count(cast, "initech") == (0, 0)


def test_the_words_beside_the_box_that_was_ticked_are_kept(
    cast: Cast, client_for: ClientFor
) -> None:
    leave(client_for(None, cast.acme), message(fields={**FIELDS, "consent_marketing": True}))
    consent = stored(cast).consent
    assert (consent.marketing, consent.text) == (True, "You may also send me offers.")


def test_the_same_message_twice_is_one_lead(cast: Cast, client_for: ClientFor) -> None:
    client, body = client_for(None, cast.acme), message()
    assert leave(client, body).json() == leave(client, body).json()
    assert count(cast) == (1, 1)
    assert OutboxEvent.objects.filter(company_id=cast.acme.id).count() == 1


def test_in_health_care_mode_the_page_is_not_kept(cast: Cast, client_for: ClientFor) -> None:
    Company.objects.filter(pk=cast.globex.id).update(health_care_mode=True)
    resolution.forget()
    website = "https://www.globex.example"
    body = message(origin=website, page_url=f"{website}/implants")
    response = leave(client_for(None, cast.globex), body, "http://globex.localhost")
    assert response.status_code == 201
    assert (stored(cast, "globex").page.url, stored(cast, "globex").page.title) == ("", "")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"name", "email"}),
        ({**FIELDS, "email": "vera"}, {"email"}),
        ({**FIELDS, "name": "x" * 121}, {"name"}),
        ({**FIELDS, "colour": "red"}, {"colour"}),
    ],
)
def test_wrong_fields_are_named_and_nothing_is_stored(
    cast: Cast, client_for: ClientFor, fields: dict[str, str], wrong: set[str]
) -> None:
    response = leave(client_for(None, cast.acme), message(fields=fields))
    assert response.status_code == 422
    assert response.json()["code"] == "fields_invalid"
    assert set(response.json()["fields"]) == wrong
    assert "Set-Cookie" not in response
    assert count(cast) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "origin", "status"),
    [
        ({"origin": "https://copy.example"}, "http://acme.localhost", 403),
        ({}, WEBSITE, 403),
        ({}, "http://initech.localhost", 403),
        ({"id": "seven"}, "http://acme.localhost", 422),
        ({"fields": "text"}, "http://acme.localhost", 422),
        ({"fields": {"name": ["Vera"]}}, "http://acme.localhost", 422),
    ],
)
def test_what_did_not_come_from_the_form_is_refused(
    cast: Cast, client_for: ClientFor, changes: dict[str, Any], origin: str, status: int
) -> None:
    response = leave(client_for(None, cast.acme), message(**changes), origin)
    assert response.status_code == status
    assert count(cast) == (0, 0)
    assert not OutboxEvent.objects.filter(company_id=cast.acme.id).exists()

"""The website named at sign-up may show the widget without anybody's doing."""

import pytest

from chat import tasks
from chat.models import AllowedOrigin
from config.event_routes import EVENT_ROUTES
from tenants.actions.provisioning import provision_company
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import Company, OutboxEvent
from tenants.resolution import CompanyRef
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def sign_up(cast: Cast, website: str) -> Company:
    return provision_company(
        actor=SYSTEM,
        name="Hooli",
        slug="hooli",
        website=website,
        time_zone="Europe/Paris",
        vertical="retail",
        owner=cast.amir,
    )


def tell_news(company: Company) -> None:
    """What relay and worker do with the outbox."""
    event = OutboxEvent.objects.get(company_id=company.pk)
    assert EVENT_ROUTES[event.topic] == (tasks.allow_own_website.name,)
    tasks.allow_own_website(str(event.company_id), event.object_id)


def origins(company: CompanyRef) -> list[str]:
    with in_company(company):
        return list(AllowedOrigin.objects.values_list("origin", flat=True))


def test_it_is_allowed_once_however_often_it_is_told(cast: Cast) -> None:
    before = origins(cast.globex)
    company = sign_up(cast, "https://www.hooli.example/about")
    tell_news(company)
    tell_news(company)
    assert origins(CompanyRef.of(company)) == ["https://www.hooli.example"]
    assert origins(cast.globex) == before


def test_without_a_website_none_is_allowed(cast: Cast) -> None:
    company = sign_up(cast, "")
    tell_news(company)
    assert origins(CompanyRef.of(company)) == []

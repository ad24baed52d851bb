"""The demo: made once, signed in to, and never on a machine that is not for development."""

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from chat.models import Conversation, HoursException, Lead
from chat.queries import availability
from config.demo.companies import COMPANIES
from config.demo.people import PASSWORD, PEOPLE
from crm_sync.models import Connection
from tenants.context import in_company
from tenants.models import Company, Membership, User
from tenants.resolution import CompanyRef
from tests.cast import Cast

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]


def contents() -> list[tuple[int, int, int]]:
    """Chats, leads and connections of each demo company."""
    counts = []
    for demo in COMPANIES:
        company = CompanyRef.of(Company.objects.get(slug=demo.slug))
        with in_company(company):
            chats, leads = Conversation.objects.count(), Lead.objects.count()
            counts.append((chats, leads, Connection.objects.count()))
    return counts


def test_the_demo_is_made_once_and_its_people_sign_in(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    call_command("seed_demo")
    first = contents()
    people = User.objects.count(), Membership.objects.count()
    call_command("seed_demo")
    assert contents() == first
    assert (User.objects.count(), Membership.objects.count()) == people
    # Four weeks of each, some of which became leads, and one connection.
    for demo, (chats, leads, connections) in zip(COMPANIES, first, strict=True):
        assert chats == demo.chats_a_week * 4
        assert 0 < leads < chats
        assert connections == 1
    for person in PEOPLE:
        client = client_for(None)
        answer = client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
        assert answer.status_code == 302, person
    northside = CompanyRef.of(Company.objects.get(slug="northside"))
    owner = User.objects.get(email="olivia@northside.example")
    page = client_for(owner, northside).get("/admin/conversations/").content.decode()
    assert " of 136</span>" in page


def test_one_company_is_open_whenever_it_is_looked_at() -> None:
    call_command("seed_demo")
    for slug in ("northside", "brightsmile"):
        company = CompanyRef.of(Company.objects.get(slug=slug))
        with in_company(company):
            opened = HoursException.objects.filter(name="Open house").count()
            assert opened == (2 if slug == "northside" else 0)
            if slug == "northside":
                assert availability.phase_now(company) == "during"


def test_the_addresses_name_every_person_and_site() -> None:
    out = io.StringIO()
    call_command("demo_addresses", "--port", "8123", stdout=out)
    text = out.getvalue()
    for needed in (
        "http://localhost:8123/",
        "http://northside.localhost:8123/admin/",
        "http://brightsmile.localhost:8123/admin/",
        "http://localhost:8123/demo/northside/",
        "http://localhost:8123/dev/mail/",
        "http://localhost:8123/dev/webhook/",
        PASSWORD,
        *(person.email for person in PEOPLE),
    ):
        assert needed in text


@pytest.mark.parametrize("command", ["seed_demo", "demo_addresses"])
def test_production_has_no_demo(settings: object, command: str) -> None:
    settings.IS_DEVELOPMENT = False  # type: ignore[attr-defined]
    people = User.objects.count()
    with pytest.raises(CommandError, match="development machine"):
        call_command(command)
    assert User.objects.count() == people

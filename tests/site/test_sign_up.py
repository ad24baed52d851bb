"""A company signs up on the platform site and lands in its own admin site."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from tenants import schemas
from tenants.models import AuditEvent, Company, HandOff, Membership, Role, SpareSchema, User
from tests.cast import PASSWORD, Cast

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

FORM = {
    "name": "Nora New",
    "email": "nora@people.example",
    "password": PASSWORD,
    "company": "Hooli Garden Centre",
    "slug": "hooli",
    "website": "hooli.example",
    "vertical": "retail",
    "time_zone": "Europe/Paris",
}


def state() -> tuple[int, ...]:
    models = (User, Company, Membership, AuditEvent, HandOff, SpareSchema)
    return tuple(model.objects.count() for model in models)


@pytest.fixture(scope="module", autouse=True)
def spare(cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One ready-made schema for all: whatever a test does with it is rolled back."""
    with django_db_blocker.unblock():
        schemas.make_spare()
    yield
    with django_db_blocker.unblock():
        SpareSchema.objects.update(fingerprint="of other migrations")
        schemas.drop_stale_spares()


@pytest.fixture
def no_spare(db: None) -> None:
    SpareSchema.objects.all().delete()


def test_a_company_signs_up_and_is_handed_over(client_for: Callable[..., Client]) -> None:
    client = client_for(None)
    answer = client.post("/sign-up/", FORM)

    company = Company.objects.get(slug="hooli")
    assert (company.name, company.website) == ("Hooli Garden Centre", "https://hooli.example")
    assert (company.time_zone, company.vertical) == ("Europe/Paris", "retail")
    assert company.state == Company.State.ACTIVE
    owner = User.objects.get(email="nora@people.example")
    assert owner.check_password(PASSWORD)
    assert company.memberships.get().user_id == owner.pk
    assert company.memberships.get().role == Role.OWNER

    assert answer.status_code == 200
    assert answer.context["action"] == "http://hooli.localhost:8000/hand-off/"
    # The token is in the form alone.
    assert answer.context["token"] not in answer.request["PATH_INFO"]
    assert "form-action http://hooli.localhost:8000;" in answer.headers["Content-Security-Policy"]
    arrived = client_for(None, company).post(
        "/hand-off/",
        {"token": answer.context["token"]},
        headers={"origin": "http://localhost:8000"},
    )
    assert (arrived.status_code, arrived.headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize(
    ("slug", "sentence"),
    [
        ("acme", "This address belongs to another company. Choose another."),
        ("ACME", "This address belongs to another company. Choose another."),
        ("admin", "This address is kept for the service itself. Choose another."),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_with_free_ones(
    client_for: Callable[..., Client], slug: str, sentence: str
) -> None:
    before = state()
    answer = client_for(None).post("/sign-up/", FORM | {"slug": slug})
    assert answer.status_code == 422
    assert answer.context["form"].errors["slug"] == [sentence]
    assert answer.context["form"].slug_suggestions == [
        f"{slug.lower()}-chat",
        f"{slug.lower()}-team",
        f"{slug.lower()}-hq",
    ]
    assert state() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nonsense"),
        ("email", "nora@peo\u202eple.example"),
        ("email", "olga@people.example"),
        ("email", "OLGA@people.example"),
        ("password", "short"),
        ("password", "nora@people.example"),
        ("company", ""),
        ("website", "javascript:alert(1)"),
        ("time_zone", "Mars/Olympus"),
        ("vertical", "piracy"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_changes_nothing(
    client_for: Callable[..., Client], field: str, value: str
) -> None:
    before = state()
    answer = client_for(None).post("/sign-up/", FORM | {field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert list(answer.context["form"].errors) in ([field], [field, "slug"])
    assert state() == before
    assert "session" not in answer.cookies


def test_a_slug_that_is_no_host_name_changes_nothing(client_for: Callable[..., Client]) -> None:
    before = state()
    answer = client_for(None).post("/sign-up/", FORM | {"slug": "a--b!"})
    assert answer.status_code == 422
    assert "single hyphens" in answer.content.decode()
    assert state() == before


@pytest.mark.usefixtures("no_spare")
def test_without_a_spare_the_company_is_made_behind_a_progress_page(
    client_for: Callable[..., Client],
) -> None:
    client = client_for(None)
    answer = client.post("/sign-up/", FORM)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-up/progress/")
    assert not Company.objects.filter(slug="hooli").exists()
    assert b"Preparing Hooli Garden Centre" in client.get("/sign-up/progress/").content

    made = client.post("/sign-up/prepare/")
    assert made.status_code == 200
    company = Company.objects.get(slug="hooli")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [company.schema_name])
        assert cursor.fetchone() == (1,)
    # A second press makes no second company.
    again = client.post("/sign-up/prepare/")
    assert (again.status_code, again.headers["Location"]) == (302, "/")
    assert Company.objects.filter(name="Hooli Garden Centre").count() == 1


@pytest.mark.usefixtures("no_spare")
def test_a_name_lost_while_waiting_is_told_and_can_be_changed(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(None)
    client.post("/sign-up/", FORM)
    Company.objects.filter(slug="initech").update(slug="hooli")
    before = state()
    answer = client.post("/sign-up/prepare/", follow=True)
    assert answer.redirect_chain == [("/sign-up/", 302)]
    assert "belongs to another company" in answer.content.decode()
    # They have their account now, so the form asks for the company alone.
    assert "password" not in answer.context["form"].fields
    # A spare schema was made for nothing; it waits for the next.
    assert state()[:-1] == before[:-1]


def test_somebody_who_is_signed_in_adds_another_company(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    people = User.objects.count()
    answer = client_for(cast.olga).post("/sign-up/", FORM | {"email": "", "password": ""})
    assert answer.status_code == 200
    assert Company.objects.get(slug="hooli").memberships.get().user_id == cast.olga.pk
    assert User.objects.count() == people

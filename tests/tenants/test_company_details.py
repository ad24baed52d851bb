"""What a company is called and where it is: one rule, whoever writes it down."""

import datetime
from collections.abc import Callable

import pytest

from chat.actions import hours
from chat.models import OpenInterval
from chat.office_hours import Interval
from tenants.actions import companies
from tenants.actions.provisioning import provision_company
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.errors import Invalid
from tenants.models import AuditEvent, Company
from tests.cast import Cast

pytestmark = pytest.mark.django_db

Write = Callable[[Cast, str, str], None]


def by_sign_up(cast: Cast, name: str, website: str) -> None:
    provision_company(
        actor=SYSTEM,
        name=name,
        slug="hooli",
        website=website,
        time_zone="UTC",
        vertical="general",
        owner=cast.amir,
    )


def by_the_company(cast: Cast, name: str, website: str) -> None:
    companies.change_settings(
        company=cast.initech, name=name, website=website, time_zone="UTC", actor=SYSTEM
    )


def by_an_operator(cast: Cast, name: str, website: str) -> None:
    companies.change_by_operator(
        company_id=cast.initech.id, changes={"name": name, "website": website}, actor=SYSTEM
    )


ways = pytest.mark.parametrize("write", [by_sign_up, by_the_company, by_an_operator])


@ways
def test_a_name_is_one_line_without_blanks_around_it(cast: Cast, write: Write) -> None:
    write(cast, "  Hooli\r\nGarden\u2028 Centre\t", " https://hooli.example ")
    company = Company.objects.get(website="https://hooli.example")
    assert company.name == "Hooli Garden Centre"


@ways
@pytest.mark.parametrize(
    ("name", "website", "sentence"),
    [
        (" \n ", "", "Name: This field cannot be blank."),
        ("n" * 121, "", "Name: Ensure this value has at most 120 characters (it has 121)."),
        ("Hooli", "ftp://hooli.example", "Website: Write it as https://www.example.com."),
    ],
)
def test_what_will_not_do_is_refused_by_its_name_and_changes_nothing(
    cast: Cast, write: Write, name: str, website: str, sentence: str
) -> None:
    before = list(Company.objects.order_by("pk").values()), AuditEvent.objects.count()
    with pytest.raises(Invalid) as refused:
        write(cast, name, website)
    assert str(refused.value) == sentence
    assert (list(Company.objects.order_by("pk").values()), AuditEvent.objects.count()) == before


def test_office_hours_in_no_time_zone_are_refused_whole(cast: Cast) -> None:
    told = AuditEvent.objects.count()
    with in_company(cast.acme):
        before = list(OpenInterval.objects.values())
        with pytest.raises(Invalid) as refused:
            hours.change(
                company=cast.acme,
                zone="Mars/Olympus",
                weekly=[Interval(0, datetime.time(9), datetime.time(17))],
                exceptions=[],
                actor=SYSTEM,
                since=datetime.date(2026, 1, 1),
            )
        assert list(OpenInterval.objects.values()) == before
    assert str(refused.value) == "Time zone: Choose a time zone such as Europe/Berlin."
    assert AuditEvent.objects.count() == told

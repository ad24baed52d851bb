"""The office hours editor: what it stores, what it refuses, what follows it."""

import datetime
from collections.abc import Callable
from datetime import date, time
from typing import Any

import pytest
from django.test import Client
from freezegun import freeze_time

from chat.models import Conversation, HoursException, OpenInterval
from chat.queries import availability
from tenants import resolution
from tenants.context import in_company
from tenants.models import AuditEvent, Company, Verb
from tests.cast import Cast

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
URL = "/admin/hours/"
# A Monday, 12:00 in Berlin.
NOON = "2026-06-01 10:00:00"
FORM: dict[str, Any] = {
    "zone": "Europe/Berlin",
    "mode": "weekly",
    "day0_opens": ["09:00", "13:00"],
    "day0_closes": ["12:00", "17:00"],
    "day4_opens": ["22:00"],
    "day4_closes": ["06:00"],
    "exception_date": ["2026-12-25", "2026-06-06"],
    "exception_name": ["Christmas Day", "Open day"],
    "exception_opens": ["", "10:00"],
    "exception_closes": ["", "14:00"],
}


def stored(cast: Cast, company: str = "acme") -> tuple[list[Any], list[Any]]:
    with in_company(getattr(cast, company)):
        return (
            list(OpenInterval.objects.values_list("weekday", "opens", "closes")),
            list(HoursException.objects.values_list("date", "name", "opens", "closes")),
        )


def logged(cast: Cast) -> int:
    return AuditEvent.objects.filter(
        company_id=cast.acme.id, verb=Verb.SETTING_CHANGED, target_kind="office_hours"
    ).count()


def test_an_owner_stores_the_week_and_its_exceptions(cast: Cast, client_for: ClientFor) -> None:
    with freeze_time(NOON):
        response = client_for(cast.olga, cast.acme).post(URL, FORM)
        assert (response.status_code, response["Location"]) == (302, URL)
        assert availability.phase_now(cast.acme) == Conversation.Phase.BEFORE
    assert stored(cast) == (
        [(0, time(9), time(12)), (0, time(13), time(17)), (4, time(22), time(6))],
        [
            (date(2026, 6, 6), "Open day", time(10), time(14)),
            (date(2026, 12, 25), "Christmas Day", None, None),
        ],
    )
    assert stored(cast, "initech") == ([], [])
    assert logged(cast) == 1


def test_the_page_shows_what_is_stored_and_what_it_means(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.olga, cast.acme)
    with freeze_time(NOON):
        client.post(URL, FORM)
        page = client.get(URL).content.decode()
    assert 'name="day0_opens" value="13:00"' in page
    assert "It is now <strong>12:00</strong> in Europe/Berlin" in page
    assert "<strong>closed</strong>, opens Monday 1 June 13:00" in page
    assert "Open day" in page
    assert 'value="2026-12-25"' in page
    assert "next day</span>" in page


def test_around_the_clock_drops_the_weekly_hours(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.olga, cast.acme)
    with freeze_time(NOON):
        client.post(URL, FORM)
        client.post(URL, {**FORM, "mode": "always"})
        assert availability.phase_now(cast.acme) == "during"
    assert stored(cast)[0] == []


def test_another_zone_moves_the_hours_with_it(cast: Cast, client_for: ClientFor) -> None:
    zones = dict(Company.objects.values_list("pk", "time_zone"))
    before = AuditEvent.objects.filter(company_id=cast.acme.id).count()
    with freeze_time(NOON):
        client_for(cast.olga, cast.acme).post(URL, {**FORM, "zone": "Asia/Tokyo"})
    assert dict(Company.objects.values_list("pk", "time_zone")) == {
        **zones,
        cast.acme.id: "Asia/Tokyo",
    }
    events = AuditEvent.objects.filter(company_id=cast.acme.id).order_by("number")[before:]
    assert [(event.verb, event.facts.get("fields")) for event in events] == [
        (Verb.COMPANY_CHANGED, "time_zone"),
        (Verb.SETTING_CHANGED, None),
    ]
    resolution.forget()
    moved = resolution.company_by_id(cast.acme.id)
    monday_noon_in_tokyo = datetime.datetime(2026, 6, 1, 1, tzinfo=datetime.UTC)
    assert availability.phase_now(moved, monday_noon_in_tokyo) == "during"


def test_exceptions_of_the_past_stay_for_the_report(cast: Cast, client_for: ClientFor) -> None:
    with in_company(cast.acme):
        HoursException.objects.create(date=date(2020, 1, 1), name="New Year")
    with freeze_time(NOON):
        client_for(cast.olga, cast.acme).post(URL, FORM)
    assert stored(cast)[1][0] == (date(2020, 1, 1), "New Year", None, None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"zone": "Mars/Olympus"}, "Choose a time zone from the list."),
        ({"day0_opens": ["09:00", "11:59"]}, "Monday 09:00-12:00 and Monday 11:59-17:00 overlap."),
        (
            {"day5_opens": ["05:00"], "day5_closes": ["08:00"]},
            "Friday 22:00-06:00 (next day) and Saturday 05:00-08:00 overlap.",
        ),
        ({"day0_opens": ["09:00", ""]}, "Monday: write both times"),
        ({"day0_opens": ["9", "13:00"]}, "Monday: write both times"),
        ({"day0_opens": [], "day4_opens": []}, "Write hours for at least one day"),
        ({"exception_date": ["2026-06-06", "2026-06-06"]}, "6 June 2026 is both closed and open."),
        (
            {
                "exception_date": ["2026-06-06", "2026-06-06"],
                "exception_opens": ["09:00", "10:00"],
                "exception_closes": ["11:00", "14:00"],
            },
            "The hours of 6 June 2026 overlap.",
        ),
        ({"exception_date": ["", "2026-06-06"]}, "Choose the date of the holiday"),
        ({"exception_date": ["2026-05-01", "2026-06-06"]}, "lies in the past"),
        ({"exception_opens": ["09:00", "10:00"]}, "25 December 2026: write both times"),
    ],
)
def test_wrong_hours_are_refused_named_and_not_lost(
    cast: Cast, client_for: ClientFor, wrong: dict[str, Any], said: str
) -> None:
    client = client_for(cast.olga, cast.acme)
    with freeze_time(NOON):
        client.post(URL, FORM)
        before = stored(cast)
        response = client.post(URL, {**FORM, **wrong})
    assert response.status_code == 422
    page = response.content.decode().replace("&#x27;", "'")
    assert said in page
    assert 'value="Christmas Day"' in page
    assert stored(cast) == before
    assert logged(cast) == 1


def test_the_preview_tells_the_meaning_and_stores_nothing(
    cast: Cast, client_for: ClientFor
) -> None:
    client = client_for(cast.olga, cast.acme)
    with freeze_time(NOON):
        page = client.post(f"{URL}preview", FORM).content.decode()
        wrong = client.post(f"{URL}preview", {**FORM, "day0_opens": ["09:00", "10:00"]})
    assert "opens Monday 1 June 13:00" in page
    assert page.count('<th scope="row">') == 14
    assert b"overlap" in wrong.content
    assert stored(cast) == ([], [])


@pytest.mark.parametrize(
    ("person", "status"),
    [("olga", 200), ("sara", 403), ("ana", 403), ("audrey", 403), ("ivan", 404), (None, 302)],
)
def test_only_those_who_may_edit_the_hours_see_them(
    cast: Cast, client_for: ClientFor, person: str | None, status: int
) -> None:
    user = getattr(cast, person) if person else None
    client = client_for(user, cast.acme)
    assert client.get(URL).status_code == status
    assert client.post(f"{URL}preview", FORM).status_code == status
    if status != 200:
        assert client.post(URL, FORM).status_code == status
        assert stored(cast) == ([], [])


def test_the_hours_are_read_once_in_fifteen_seconds(
    cast: Cast, django_assert_num_queries: Callable[..., Any]
) -> None:
    availability.forget()
    with in_company(cast.acme):
        # Entering the schema is the third.
        with django_assert_num_queries(3):
            availability.phase_now(cast.acme)
        with django_assert_num_queries(0):
            availability.phase_now(cast.acme)

import csv
import dataclasses
import io
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from reports.models import Metric
from tenants.models import AuditEvent, Verb
from tests.cast import Cast
from tests.reports.builders import chats, counted, leads, office_hours, visits, week

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
PATH = "/admin/reports/"
CSV = "/admin/reports/traffic.csv"


def exports() -> list[tuple[object, object, object]]:
    return list(
        AuditEvent.objects.filter(verb=Verb.REPORT_EXPORTED).values_list(
            "company_id", "actor_id", "facts"
        )
    )


def test_a_chat_counts_in_the_companys_own_hour(cast: Cast) -> None:
    # Monday 23:30 UTC is Tuesday 00:30 in Berlin and Monday 18:30 in New York.
    for company in (cast.acme, cast.globex):
        chats(company, "2026-01-12T23:30")
    assert counted(week(cast.acme, "2026-01-13", "2026-01-13")) == {(1, 0): 1}
    assert counted(week(cast.globex, "2026-01-12", "2026-01-12")) == {(0, 18): 1}


def test_summer_and_winter_count_by_the_clock_on_the_wall(cast: Cast) -> None:
    chats(cast.acme, "2026-01-12T08:00", "2026-07-13T07:00")
    assert counted(week(cast.acme, "2026-01-01", "2026-12-31")) == {(0, 9): 2}


def test_the_hour_that_comes_twice_holds_both(cast: Cast) -> None:
    chats(cast.acme, "2026-10-25T00:30", "2026-10-25T01:30")
    assert counted(week(cast.acme, "2026-10-25", "2026-10-25")) == {(6, 2): 2}


def test_a_zone_off_by_a_quarter_of_an_hour_is_right(cast: Cast) -> None:
    chats(cast.acme, "2026-01-12T18:14", "2026-01-12T18:16")
    there = dataclasses.replace(cast.acme, time_zone="Asia/Kathmandu")
    assert counted(week(there, "2026-01-12", "2026-01-13")) == {(0, 23): 1, (1, 0): 1}


def test_the_edges_of_a_range_are_its_midnights(cast: Cast) -> None:
    chats(
        cast.acme,
        "2026-01-11T22:59:59",
        "2026-01-11T23:00",
        "2026-01-12T22:59:59",
        "2026-01-12T23:00",
    )
    assert counted(week(cast.acme, "2026-01-12", "2026-01-12")) == {(0, 0): 1, (0, 23): 1}


def test_phases_are_those_that_were_stored(cast: Cast) -> None:
    chats(cast.acme, "2026-01-12T12:00", phase="closed_day")
    leads(cast.acme, "2026-01-12T12:00", phase="after")
    office_hours(cast.acme, weekdays=range(7), opens="00:00", closes="00:00")
    found = week(cast.acme, "2026-01-12", "2026-01-12")
    assert found.rows[0][13].counts["closed_day"] == 1
    found = week(cast.acme, "2026-01-12", "2026-01-12", Metric.LEADS)
    assert found.rows[0][13].counts["after"] == 1


def test_another_companys_chats_are_never_counted(cast: Cast) -> None:
    chats(cast.initech, "2026-01-12T12:00")
    visits(cast.initech, "2026-01-12T12:00")
    leads(cast.initech, "2026-01-12T12:00")
    for metric in Metric:
        assert week(cast.acme, "2026-01-12", "2026-01-12", metric).total == 0
        assert week(cast.initech, "2026-01-12", "2026-01-12", metric).total == 1


def test_the_page_shows_every_number_and_what_closed_hours_miss(
    cast: Cast, client_for: ClientFor
) -> None:
    office_hours(cast.acme, weekdays=range(5), opens="09:00", closes="17:00")
    chats(cast.acme, *["2026-01-10T10:10"] * 3, phase="closed_day")
    chats(cast.acme, "2026-01-12T10:10")
    asked = {"from": "2026-01-05", "to": "2026-01-18"}
    page = client_for(cast.olga, cast.acme).get(PATH, asked).content.decode()
    assert "Busiest while you are closed: Saturday, 11:00\u201312:00." in page
    assert "3 chats came then, 75 % of all." in page
    assert page.count('class="heat__cell heat__cell--') == 7 * 24 + 6
    assert 'heat__cell--5">3</td>' in page
    assert 'heat__cell--2 heat__cell--open">1<span class="visually-hidden"> open</span>' in page
    assert page.count('scope="row"') == 7 + 24
    assert " style=" not in page


def test_a_page_costs_the_same_for_much_as_for_little(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.olga, cast.acme)
    asked = {"from": "2026-01-01", "to": "2026-12-31"}
    client.get(PATH, asked)
    for metric in Metric:
        client.get(PATH, {**asked, "metric": metric})
        with CaptureQueriesContext(connection) as context:
            client.get(PATH, {**asked, "metric": metric})
        told = [q["sql"] for q in context if not q["sql"].lower().startswith("set search_path")]
        assert len(told) == 8, told
        chats(cast.acme, *[f"2026-01-{day:02d}T12:00" for day in range(1, 29)])


@pytest.mark.parametrize(
    "asked",
    [
        {"metric": "secrets"},
        {"days": "5"},
        {"phase": "sometime"},
        {"from": "yesterday", "to": "2026-01-01"},
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2026-01-02"},
    ],
)
def test_a_bad_choice_is_explained_and_exports_nothing(
    cast: Cast, client_for: ClientFor, asked: dict[str, str]
) -> None:
    client = client_for(cast.olga, cast.acme)
    assert 'class="notice notice--bad"' in client.get(PATH, asked).content.decode()
    refused = client.get(CSV, asked)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    assert exports() == []


def test_the_file_has_a_line_for_every_hour_with_its_offset(
    cast: Cast, client_for: ClientFor
) -> None:
    chats(cast.acme, "2026-10-25T00:30", "2026-10-25T00:45", "2026-10-25T01:30", phase="closed_day")
    chats(cast.initech, "2026-10-25T00:30")
    answer = client_for(cast.olga, cast.acme).get(CSV, {"from": "2026-10-25", "to": "2026-10-25"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == (
        'attachment; filename="acme-chats-2026-10-25-2026-10-25.csv"'
    )
    assert answer.content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines == [
        ["start", "zone", "weekday", "hour", "phase", "metric", "count"],
        ["2026-10-25T02:00:00+02:00", "Europe/Berlin", "Sunday", "2", "closed_day", "chats", "2"],
        ["2026-10-25T02:00:00+01:00", "Europe/Berlin", "Sunday", "2", "closed_day", "chats", "1"],
    ]
    assert exports() == [
        (
            cast.acme.id,
            cast.olga.pk,
            {"first": "2026-10-25", "last": "2026-10-25", "rows": 2},
        )
    ]


def test_who_may_look_and_who_may_take_it_away(cast: Cast, client_for: ClientFor) -> None:
    for person, sees, takes in (
        (cast.olga, 200, 200),
        (cast.sara, 200, 403),
        (cast.audrey, 200, 403),
        (cast.ana, 403, 403),
        (cast.ivan, 404, 404),
        (cast.otto, 404, 404),
    ):
        client = client_for(person, cast.acme)
        page = client.get(PATH)
        assert (page.status_code, client.get(CSV).status_code) == (sees, takes), person
        assert (CSV.encode() in page.content) == (takes == 200)
    assert [actor for _, actor, _ in exports()] == [cast.olga.pk]
    assert client_for(None, cast.acme).get(PATH).status_code == 302
    assert client_for(cast.olga).get(PATH).status_code == 404

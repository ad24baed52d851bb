import datetime
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Branding
from chat.queries import inbox as inboxes
from chat.queries.desk_companies import desk_companies, seats_of_many
from chat.queries.inbox import Inbox, inbox
from tenants.context import in_company
from tenants.models import Company
from tests.cast import Cast
from tests.chat.desk.builders import conversation

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


def minutes(count: int) -> datetime.timedelta:
    return datetime.timedelta(minutes=count)


def queries(context: CaptureQueriesContext) -> int:
    """Without the statements that only enter a schema."""
    return sum(not q["sql"].lower().startswith("set search_path") for q in context)


def test_whoever_waits_longest_for_an_answer_stands_on_top(cast: Cast) -> None:
    answered = conversation(cast.acme, agent=cast.ana, answered=("Here I am",), ago=minutes(9))
    newest = conversation(cast.acme, agent=cast.ana, ago=minutes(1))
    oldest = conversation(cast.globex, agent=cast.ana, ago=minutes(5))
    found = inbox(user=cast.ana, companies=desk_companies(cast.ana))
    assert [row.id for row in found.mine] == [oldest.pk, newest.pk, answered.pk]
    assert [row.waiting_since is None for row in found.mine] == [False, False, True]
    assert [row.unread for row in found.mine] == [1, 1, 1]
    assert found.mine[2].last_text == "Here I am"
    assert found.mine[2].last_author == "agent"


def test_the_queue_stands_in_its_order(cast: Cast) -> None:
    second = conversation(cast.acme, ago=minutes(2))
    first = conversation(cast.globex, ago=minutes(4))
    found = inbox(user=cast.ana, companies=desk_companies(cast.ana))
    assert [row.id for row in found.queue] == [first.pk, second.pk]
    assert [(row.visitor_name, row.last_text) for row in found.queue] == [("", "")] * 2


def test_a_supervisors_rows_have_the_names_of_their_threads_but_not_of_patients(
    cast: Cast, client_for: ClientFor
) -> None:
    watched = conversation(cast.acme, agent=cast.amir, name="Walter Watched")
    queued = conversation(cast.acme, name="Quentin Queued")
    Company.objects.filter(pk=cast.globex.id).update(health_care_mode=True)
    patient = conversation(cast.globex, agent=cast.ana, name="Petra Patient")
    companies = desk_companies(cast.sara)
    with CaptureQueriesContext(connection) as context:
        found = inbox(user=cast.sara, companies=companies)
    assert queries(context) == 2
    assert {row.id: row.visitor_name for row in (*found.watched, *found.queue)} == {
        watched.pk: "Walter Watched",
        queued.pk: "Quentin Queued",
        patient.pk: "",
    }
    page = client_for(cast.sara).get(f"/desk/c/acme/{watched.pk}/").content.decode()
    assert '<h1 data-field="visitor">Walter Watched</h1>' in page
    assert '<span class="row__name" data-field="name">Walter Watched</span>' in page
    assert "Petra Patient" not in page


def test_a_queue_too_long_to_show_says_how_many_wait(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "QUEUE_SHOWN", 2)
    waiting = [conversation(cast.acme, ago=minutes(ago)) for ago in (5, 4)]
    page = client_for(cast.ana).get("/desk/lists/").content.decode()
    assert "that wait longest" not in page
    newest = conversation(cast.acme, ago=minutes(1))
    page = client_for(cast.ana).get("/desk/lists/").content.decode()
    assert "The 2 of 3 that wait longest." in page
    assert 'data-field="queue">3</span>' in page
    assert [str(made.pk) in page for made in (*waiting, newest)] == [True, True, False]


def test_lists_cost_two_queries_a_busy_company_however_many_conversations(cast: Cast) -> None:
    companies = desk_companies(cast.ana)
    assert len(companies) == 2
    with CaptureQueriesContext(connection) as context:
        assert inbox(user=cast.ana, companies=companies) == Inbox([], [], 0, [])
    assert queries(context) == 1
    conversation(cast.acme, agent=cast.ana)
    conversation(cast.globex, agent=cast.amir)
    with CaptureQueriesContext(connection) as context:
        inbox(user=cast.ana, companies=companies)
    assert queries(context) == 3
    for count in (1, 6):
        for _ in range(count):
            conversation(cast.acme, agent=cast.ana)
            conversation(cast.globex, agent=cast.ana)
        with CaptureQueriesContext(connection) as context:
            inbox(user=cast.ana, companies=companies)
        assert queries(context) == 5


def test_an_open_thread_costs_the_same_however_long_it_is(
    cast: Cast, client_for: ClientFor
) -> None:
    counted = []
    for words in (("one",), tuple(str(number) for number in range(40))):
        opened = conversation(cast.acme, agent=cast.ana, said=words)
        client = client_for(cast.ana)
        client.get("/desk/")
        with CaptureQueriesContext(connection) as context:
            assert client.get(f"/desk/c/acme/{opened.pk}/part/").status_code == 200
        counted.append(queries(context))
    assert counted[0] == counted[1] <= 13


def test_the_first_paint_holds_everything(cast: Cast, client_for: ClientFor) -> None:
    opened = conversation(
        cast.acme,
        agent=cast.ana,
        said=("See https://example.org/a?b=1. <b>bold</b>",),
        answered=("Welcome!",),
    )
    page = client_for(cast.ana).get(f"/desk/c/acme/{opened.pk}/").content.decode()
    assert f'data-key="acme/{opened.pk}" data-last="2"' in page
    assert '<a href="https://example.org/a?b=1" rel="noopener nofollow ugc noreferrer"' in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "Welcome!" in page
    assert "vera@visitors.example" in page
    assert "search.example" in page
    assert "secret" not in page
    assert "Welcome to Acme Motors!" in page
    assert 'name="vehicle_make"' in page
    assert "You write as <b>Acme Motors</b>" in page
    assert "Initech" not in page
    assert " style=" not in page


def test_a_clinic_asks_for_no_car_and_gets_its_own_replies(
    cast: Cast, client_for: ClientFor
) -> None:
    opened = conversation(cast.globex, agent=cast.ana)
    page = client_for(cast.ana).get(f"/desk/c/globex/{opened.pk}/").content.decode()
    assert 'name="vehicle_make"' not in page
    assert "Welcome to Globex Dental!" in page
    assert "Welcome to Acme Motors!" not in page


def test_nothing_open_says_what_to_do(cast: Cast, client_for: ClientFor) -> None:
    page = client_for(cast.ana).get("/desk/").content.decode()
    assert "No one is waiting." in page
    assert "No chats with you." in page
    assert '<span data-field="load">0</span>/<span data-field="capacity">3</span>' in page


def test_the_lists_alone_mark_what_is_open(cast: Cast, client_for: ClientFor) -> None:
    opened = conversation(cast.acme, agent=cast.ana)
    part = client_for(cast.ana).get("/desk/lists/", {"open": f"acme/{opened.pk}"}).content.decode()
    assert part.count('aria-current="true"') == 1
    assert "<html" not in part


def test_each_company_has_its_own_colours(cast: Cast, client_for: ClientFor) -> None:
    with in_company(cast.globex):
        Branding.objects.update(colour="#ffeb3b")
    sheet = client_for(cast.ana).get("/desk/brands.css")
    assert sheet["Content-Type"] == "text/css; charset=utf-8"
    rules = sheet.content.decode().splitlines()
    assert len(rules) == 2
    assert rules[0].startswith(".brand-acme{--brand:#0b5fff;--on-brand:#ffffff;")
    assert rules[1].startswith(".brand-globex{--brand:#ffeb3b;--on-brand:#000000;")


def test_the_seats_of_many_people_are_one_query(cast: Cast) -> None:
    people = [cast.ana, cast.sara, cast.audrey]
    with CaptureQueriesContext(connection) as context:
        seats = seats_of_many([person.pk for person in people])
    assert queries(context) == 1
    assert seats == {
        person.pk: frozenset(company.seat for company in desk_companies(person))
        for person in (cast.ana, cast.sara)
    }
    assert {seat.company_id for seat in seats[cast.ana.pk]} == {cast.acme.id, cast.globex.id}

import datetime
import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from chat.live.consumers import desk_access, desk_reads
from chat.models import Conversation
from chat.queries.desk_companies import desk_companies, seats_of_many
from tenants.context import in_company
from tenants.models import AuditEvent, Company, User, Verb
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


def reads() -> list[tuple[object, object, str]]:
    return list(
        AuditEvent.objects.filter(verb=Verb.TRANSCRIPT_READ)
        .order_by("pk")
        .values_list("company_id", "actor_id", "target_id")
    )


def test_nobody_opens_the_desk_without_signing_in(cast: Cast, client_for: ClientFor) -> None:
    for path in ("/desk/", "/desk/lists/", "/desk/brands.css"):
        response = client_for(None).get(path)
        assert (response.status_code, response["Location"]) == (
            302,
            f"/accounts/login/?next={path}",
        )


def test_people_who_serve_no_chats_are_refused(cast: Cast, client_for: ClientFor) -> None:
    for person in (cast.audrey, cast.otto):
        assert client_for(person).get("/desk/").status_code == 403


def test_the_desk_stands_on_the_platform_site_only(cast: Cast, client_for: ClientFor) -> None:
    assert client_for(cast.ana, cast.acme).get("/desk/").status_code == 404


def test_an_agent_sees_their_own_conversations_of_all_companies(
    cast: Cast, client_for: ClientFor
) -> None:
    conversation(cast.acme, agent=cast.ana, name="Vera of Acme")
    conversation(cast.globex, agent=cast.ana, name="Vic of Globex")
    conversation(cast.acme, agent=cast.amir, name="Walter with Amir")
    conversation(cast.initech, name="Victim of Initech")
    page = client_for(cast.ana).get("/desk/").content.decode()
    assert "Vera of Acme" in page
    assert "Vic of Globex" in page
    assert "Walter with Amir" not in page
    assert "Victim of Initech" not in page
    assert "Initech" not in page


def test_a_conversation_that_waits_shows_neither_name_nor_words(
    cast: Cast, client_for: ClientFor
) -> None:
    waiting = conversation(cast.acme, name="Private Name", said=("Private words",))
    page = client_for(cast.amir).get("/desk/").content.decode()
    assert f"acme/{waiting.pk}" in page
    assert "Private" not in page
    assert f"/desk/c/acme/{waiting.pk}/" not in page


def test_opening_a_conversation_is_audited_in_its_company(
    cast: Cast, client_for: ClientFor
) -> None:
    mine = conversation(cast.acme, agent=cast.ana)
    client = client_for(cast.ana)
    assert client.get(f"/desk/c/acme/{mine.pk}/").status_code == 200
    assert client.get(f"/desk/c/acme/{mine.pk}/part/").status_code == 200
    assert reads() == [(cast.acme.id, cast.ana.pk, str(mine.pk))] * 2


def test_another_agents_conversation_is_not_found_and_nothing_is_read(
    cast: Cast, client_for: ClientFor
) -> None:
    said = ("Can you help me?",)
    theirs = conversation(cast.acme, agent=cast.amir, said=said)
    waiting = conversation(cast.acme, said=said)
    victim = conversation(cast.initech, said=said)
    client = client_for(cast.ana)
    for slug, found in (
        ("acme", theirs.pk),
        ("acme", waiting.pk),
        ("globex", theirs.pk),
        ("initech", victim.pk),
        ("acme", uuid.uuid4()),
        ("nowhere", theirs.pk),
    ):
        part = client.get(f"/desk/c/{slug}/{found}/part/")
        assert (part.status_code, part.json()["code"]) == (404, "not_found")
        page = client.get(f"/desk/c/{slug}/{found}/")
        assert page.status_code == 404
        assert "That chat is not with you any more." in page.content.decode()
        assert "Can you help me?" not in page.content.decode()
    assert "That chat" not in client.get("/desk/").content.decode()
    assert reads() == []


def test_a_supervisor_watches_but_cannot_write(cast: Cast, client_for: ClientFor) -> None:
    watched = conversation(cast.acme, agent=cast.amir, said=("I need a new car",))
    client = client_for(cast.sara)
    desk = client.get("/desk/").content.decode()
    assert "With other agents" in desk
    assert "With Amir Agent" in desk
    page = client.get(f"/desk/c/acme/{watched.pk}/").content.decode()
    assert "I need a new car" in page
    assert "You watch this chat of Amir Agent" in page
    assert 'id="composer"' not in page
    assert 'id="lead"' not in page
    assert reads() == [(cast.acme.id, cast.sara.pk, str(watched.pk))]


def test_a_supervisor_does_not_watch_a_company_that_is_not_theirs(
    cast: Cast, client_for: ClientFor
) -> None:
    victim = conversation(cast.initech, agent=cast.ivan)
    assert client_for(cast.sara).get(f"/desk/c/initech/{victim.pk}/").status_code == 404
    assert reads() == []


def test_an_ended_conversation_stays_open_to_its_agent_alone(
    cast: Cast, client_for: ClientFor
) -> None:
    ended = conversation(cast.acme, agent=cast.ana, closed=True)
    assert "This chat has ended" in (
        client_for(cast.ana).get(f"/desk/c/acme/{ended.pk}/").content.decode()
    )
    assert client_for(cast.sara).get(f"/desk/c/acme/{ended.pk}/").status_code == 404


def test_reading_along_and_coming_back_belong_to_the_opening(
    cast: Cast, client_for: ClientFor
) -> None:
    watched = conversation(cast.acme, agent=cast.amir)
    client_for(cast.sara).get(f"/desk/c/acme/{watched.pk}/")
    for _ in range(3):
        assert read_along(cast.sara, cast.acme, watched) is False
    assert reads() == [(cast.acme.id, cast.sara.pk, str(watched.pk))]


def test_reading_along_without_an_opening_is_one_line_for_each_person_and_chat(
    cast: Cast, client_for: ClientFor
) -> None:
    watched = conversation(cast.acme, agent=cast.amir)
    other = conversation(cast.globex, agent=cast.ana)
    client_for(cast.olga).get(f"/desk/c/acme/{watched.pk}/")
    for _ in range(2):
        read_along(cast.sara, cast.acme, watched)
        read_along(cast.sara, cast.globex, other)
    assert reads() == [
        (cast.acme.id, cast.olga.pk, str(watched.pk)),
        (cast.acme.id, cast.sara.pk, str(watched.pk)),
        (cast.globex.id, cast.sara.pk, str(other.pk)),
    ]


def test_who_comes_back_after_an_hour_reads_anew(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = conversation(cast.acme, agent=cast.amir)
    read_along(cast.sara, cast.acme, watched)
    monkeypatch.setattr(desk_reads, "ONE_READING", datetime.timedelta(0))
    read_along(cast.sara, cast.acme, watched)
    assert reads() == [(cast.acme.id, cast.sara.pk, str(watched.pk))] * 2


def test_an_agents_own_chat_on_the_line_is_no_reading_of_a_transcript(cast: Cast) -> None:
    mine = conversation(cast.acme, agent=cast.ana)
    assert read_along(cast.ana, cast.acme, mine) is True
    assert reads() == []


def test_health_care_mode_makes_another_seat(cast: Cast) -> None:
    """So that a desk which stands open reads anew what it may show."""
    (before,) = seats_of_many([cast.amir.pk])[cast.amir.pk]
    Company.objects.filter(pk=cast.acme.id).update(health_care_mode=True)
    (after,) = seats_of_many([cast.amir.pk])[cast.amir.pk]
    assert (before.company_id, before.health_care_mode) == (cast.acme.id, False)
    assert (after.company_id, after.health_care_mode) == (cast.acme.id, True)
    assert [company.seat for company in desk_companies(cast.amir)] == [after]


def test_the_seats_of_a_desk_are_made_once_for_each_access(cast: Cast) -> None:
    companies = {found.ref.slug: found for found in desk_companies(cast.ana)}
    access = desk_access.DeskAccess(user=cast.ana, companies=companies, is_agent=True)
    assert access.seats == seats_of_many([cast.ana.pk])[cast.ana.pk]
    assert access.seats is access.seats


def read_along(user: User, company: CompanyRef, made: Conversation) -> bool:
    """As the desk's socket does when a page resumes a chat: whether it is the person's own."""
    companies = {found.ref.slug: found for found in desk_companies(user)}
    access = desk_access.DeskAccess(user=user, companies=companies, is_agent=False)
    with in_company(company):
        return desk_reads.resumable(access, company, made.pk).is_own

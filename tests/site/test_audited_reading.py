"""Whoever reads what visitors wrote stands in the audit log, once for each reading."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chat.actions import websites
from tenants import audit, resolution
from tenants.actions.memberships import end_membership
from tenants.actor import SYSTEM, Actor
from tenants.context import in_company
from tenants.models import AuditEvent, Company, Verb
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.site.stories import WORDS, conversation, lead

pytestmark = pytest.mark.django_db

READS = (Verb.TRANSCRIPT_READ, Verb.LEAD_READ)


def reads(company: CompanyRef) -> list[tuple[Any, ...]]:
    events = AuditEvent.objects.filter(company_id=company.id, verb__in=READS).order_by("number")
    return list(events.values_list("verb", "actor_id", "target_kind", "target_id", "facts"))


def test_a_transcript_is_shown_and_every_opening_is_told(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    chat = conversation(cast.acme, agent=cast.ana)
    reader = client_for(cast.audrey, cast.acme)
    for times in (1, 2, 3):
        page = reader.get(f"/admin/conversations/{chat}/").content.decode()
        for words in WORDS:
            assert words in page
        assert "internal note" in page
        event = ("transcript.read", cast.audrey.pk, "conversation", str(chat), {"events": 5})
        assert reads(cast.acme) == [event] * times


def test_the_list_of_conversations_shows_no_words_and_tells_nothing(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    conversation(cast.acme)
    page = client_for(cast.olga, cast.acme).get("/admin/conversations/").content.decode()
    assert "Vera Visitor" in page
    assert not any(words in page for words in WORDS)
    assert reads(cast.acme) == []


@pytest.mark.parametrize("who", ["ana", "ivan", None])
def test_who_may_not_read_reads_nothing_and_leaves_no_read(
    cast: Cast, client_for: Callable[..., Client], who: str | None
) -> None:
    chat, saved = conversation(cast.acme), lead(cast.acme)
    client = client_for(getattr(cast, who) if who else None, cast.acme)
    for path in (f"/admin/conversations/{chat}/", f"/admin/leads/{saved}/", "/admin/leads/"):
        answer = client.get(path)
        assert answer.status_code in (302, 403, 404)
        assert b"Vera" not in answer.content
        assert b"Lea" not in answer.content
    assert reads(cast.acme) == []


def test_another_companys_conversation_is_not_there(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    theirs, their_lead = conversation(cast.initech), lead(cast.initech)
    client = client_for(cast.olga, cast.acme)
    assert client.get(f"/admin/conversations/{theirs}/").status_code == 404
    assert client.get(f"/admin/leads/{their_lead}/").status_code == 404
    assert reads(cast.acme) == reads(cast.initech) == []


def test_what_does_not_exist_is_not_read(cast: Cast, client_for: Callable[..., Client]) -> None:
    client = client_for(cast.olga, cast.acme)
    assert client.get(f"/admin/conversations/{uuid.uuid4()}/").status_code == 404
    assert client.get(f"/admin/leads/{uuid.uuid4()}/").status_code == 404
    assert reads(cast.acme) == []


def test_leads_are_told_as_a_list_and_one_by_one(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.sara, cast.acme)
    client.get("/admin/leads/")
    # An empty list named nobody.
    assert reads(cast.acme) == []
    saved = lead(cast.acme)
    assert b"lea@mail.example" in client.get("/admin/leads/").content
    page = client.get(f"/admin/leads/{saved}/").content
    assert b"A blue one" in page
    assert reads(cast.acme) == [
        ("lead.read", cast.sara.pk, "lead_list", str(cast.acme.id), {"leads": 1}),
        ("lead.read", cast.sara.pk, "lead", str(saved), {"revision": 1}),
    ]


def test_words_of_visitors_are_shown_as_words(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    chat = conversation(cast.acme, visitor="<img src=x onerror=alert(1)>")
    page = client_for(cast.olga, cast.acme).get(f"/admin/conversations/{chat}/").content
    assert b"<img src=x" not in page
    assert b"&lt;img src=x" in page


def test_a_filter_of_odd_words_shows_everything_and_one_with_a_nul_is_refused(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    conversation(cast.acme)
    reader = client_for(cast.olga, cast.acme)
    odd = reader.get("/admin/conversations/?since=0001-01-01&until=9999-12-31")
    assert (odd.status_code, len(odd.context["page"].object_list)) == (200, 1)
    assert reader.get("/admin/conversations/?state=%00").status_code == 400


def test_in_health_care_mode_the_list_names_nobody(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    Company.objects.filter(pk=cast.globex.id).update(health_care_mode=True)
    resolution.forget()
    conversation(cast.globex)
    page = client_for(cast.gina, cast.globex).get("/admin/conversations/").content.decode()
    assert "Vera" not in page
    assert "Visitor " in page


def test_the_log_is_filtered_by_what_who_and_thing(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    chat, saved = conversation(cast.acme), lead(cast.acme)
    client_for(cast.sara, cast.acme).get(f"/admin/conversations/{chat}/")
    client_for(cast.olga, cast.acme).get(f"/admin/leads/{saved}/")
    reader = client_for(cast.audrey, cast.acme)

    def shown(**query: str) -> list[str]:
        page = reader.get("/admin/audit/", query).context["page"]
        return [entry.event.verb for entry in page.object_list]

    assert shown(verb="transcript.read") == ["transcript.read"]
    assert shown(actor=str(cast.olga.pk)) == ["lead.read"]
    assert shown(target=str(chat)) == ["transcript.read"]
    assert shown(until="2020-01-01") == []
    assert shown(verb="no.such", actor="nobody") == shown()
    # Days that no zone can tell the bounds of are left out, too.
    assert shown(until="9999-12-31", since="0001-01-01") == shown()
    # Reading the log adds nothing to what it tells of conversations.
    assert len(reads(cast.acme)) == 2


def test_the_log_says_in_words_who_did_what_to_which_thing(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    chat = conversation(cast.acme)
    client_for(cast.sara, cast.acme).get(f"/admin/conversations/{chat}/")
    olga = Actor.person(cast.olga)
    end_membership(company=cast.acme, user=cast.amir, actor=olga)
    with in_company(cast.acme):
        websites.allow(company=cast.acme, address="new.acme.example", actor=olga)
    audit.record(
        company_id=cast.acme.id,
        actor=SYSTEM,
        verb=Verb.CONVERSATION_ASSIGNED,
        target_kind="conversation",
        target_id=chat,
        agent=str(cast.ana.pk),
        again=False,
        reason="",
    )
    page = client_for(cast.audrey, cast.acme).get("/admin/audit/").context["page"]
    lines = [(e.actor, e.what, e.thing, e.facts) for e in page.object_list]
    shown_id = f"conversation {str(chat)[:8]}"
    assert lines[:4] == [
        ("Switchboard", "Conversation assigned", shown_id, ["again: no", "agent: Ana Agent"]),
        ("Olga Owner", "Setting changed", "website https://new.acme.example", ["change: allowed"]),
        ("Olga Owner", "Member removed", "Amir Agent", ["role: agent"]),
        ("Sara Supervisor", "Transcript read", shown_id, lines[3][3]),
    ]


def test_the_log_of_one_company_tells_nothing_of_another(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    chat = conversation(cast.initech)
    client_for(cast.ivan, cast.initech).get(f"/admin/conversations/{chat}/")
    page = client_for(cast.olga, cast.acme).get("/admin/audit/").content.decode()
    assert str(chat)[:8] not in page
    assert "Ivan" not in page

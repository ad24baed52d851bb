"""An event that was changed from outside takes no other with it, on whichever way it is read."""

import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client

from chat.actions import leads
from chat.actions.conversations import requeue
from chat.interface import lead_payload
from chat.models import Conversation, Event, LeadRevision
from chat.queries.desk_companies import desk_companies
from chat.queries.inbox import inbox
from tenants.actor import Actor
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation, say_elsewhere
from tests.chat.live.clients import DeskClient, Frame, VisitorClient, token_of
from tests.isolation.test_logged_conversations import lines_about
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits
UNREADABLE = "This message cannot be read."


def tamper(company: CompanyRef, made: Conversation, seq: int) -> None:
    """Change the end of the stored token, which is what it is verified by."""
    with in_company(company), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chat_event SET body = left(body, -8) || reverse(right(body, 8))"
            " WHERE conversation_id = %s AND seq = %s",
            [made.pk, seq],
        )
        assert cursor.rowcount == 1


def said(frames: list[Frame]) -> list[tuple[int, str]]:
    return [(frame["seq"], frame["text"]) for frame in frames if frame["type"] == "message"]


def test_who_comes_back_is_sent_the_rest(cast: Cast, served: Daphne, logs: Path) -> None:
    made = conversation(cast.acme, agent=cast.ana, said=("one", "two", "three"))
    other = conversation(cast.acme, agent=cast.ana, said=("four",))
    tamper(cast.acme, made, 2)
    shown = [(1, "one"), (2, UNREADABLE), (3, "three")]
    visitor = VisitorClient(served, cast.acme, token_of(cast.acme, made))
    assert said(visitor.answers()) == shown
    damaged = next(frame for frame in visitor.messages() if frame["seq"] == 2)
    assert damaged["author"] == {"kind": "visitor"}
    desk = DeskClient(served, cast.ana, resume={f"acme/{made.pk}": 0, f"acme/{other.pk}": 0})
    assert sorted(said(desk.answers())) == sorted([*shown, (1, "four")])

    # Both go on live.
    assert visitor.say(str(made.pk), "five")["seq"] == 4
    assert desk.wait_for("message", text="five")["seq"] == 4
    visitor.close()
    desk.close()
    written = (logs / "daphne.log").read_text()
    about = [line for line in lines_about(written, made.pk) if line[0] == "switchboard.events"]
    assert about == [("switchboard.events", "Event 2 cannot be read.")] * 2
    assert lines_about(written, other.pk) == []
    (company,) = {
        json.loads(line)["company"] for line in written.splitlines() if "cannot be read" in line
    }
    assert company == str(cast.acme.id)


def test_what_was_stored_elsewhere_comes_live_but_for_the_one(cast: Cast, served: Daphne) -> None:
    made, other = (conversation(cast.acme, agent=cast.ana, said=("one",)) for _ in range(2))
    desk = DeskClient(served, cast.ana, resume={f"acme/{made.pk}": 1, f"acme/{other.pk}": 1})
    visitor = VisitorClient(served, cast.acme, token_of(cast.acme, made))
    desk.answers()
    visitor.answers()
    # One reading of the company finds all of them.
    with transaction.atomic():
        for text in ("two", "three"):
            say_elsewhere(cast.acme, made, text)
        say_elsewhere(cast.acme, other, "four")
        tamper(cast.acme, made, 2)
    assert desk.wait_for("message", text="four")["conversation"] == f"acme/{other.pk}"
    for socket, key in ((desk, f"acme/{made.pk}"), (visitor, str(made.pk))):
        if "three" not in str(socket.frames):
            socket.wait_for("message", text="three")
        assert said(socket.messages(key))[-2:] == [(2, UNREADABLE), (3, "three")]
        socket.close()


def test_after_an_unreadable_change_an_agent_reads_on_only_what_is_still_theirs(
    cast: Cast, served: Daphne
) -> None:
    lost, kept = (conversation(cast.acme, agent=cast.ana, said=("one",)) for _ in range(2))
    desk = DeskClient(served, cast.ana, resume={f"acme/{lost.pk}": 1, f"acme/{kept.pk}": 1})
    desk.answers()
    with transaction.atomic():
        requeue(company=cast.acme, conversation_id=lost.pk)
        tamper(cast.acme, lost, 2)
        say_elsewhere(cast.acme, lost, "For the next agent alone")
    assert desk.wait_for("conversation.gone")["conversation"] == f"acme/{lost.pk}"
    with transaction.atomic():
        say_elsewhere(cast.acme, lost, "For the next agent, too")
        say_elsewhere(cast.acme, kept, "two")
    desk.wait_for("message", text="two")
    assert said(desk.messages(f"acme/{lost.pk}"))[-1] == (2, UNREADABLE)
    assert "For the next agent" not in str(desk.frames)
    desk.close()


def test_an_unreadable_change_is_said_in_its_place(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    pk = visitor.start("one")
    visitor.close()
    made = Conversation(pk=pk)
    with in_company(cast.acme):
        kinds = dict(Event.objects.filter(conversation_id=pk).values_list("kind", "seq"))
    tamper(cast.acme, made, kinds["conversation.changed"])
    again = VisitorClient(served, cast.acme, visitor.token)
    frames = [frame for frame in again.answers() if "seq" in frame]
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    damaged = frames[kinds["conversation.changed"] - 1]
    assert (damaged["type"], damaged["text"]) == ("message", UNREADABLE)
    assert damaged["author"] == {"kind": "system"}
    assert "one" in [frame.get("text") for frame in frames]
    again.close()


def test_a_lead_takes_the_rest_along(cast: Cast) -> None:
    made = conversation(cast.acme, agent=cast.ana, said=("one", "two", "three"))
    tamper(cast.acme, made, 2)
    with in_company(cast.acme):
        saved = leads.save(
            company=cast.acme,
            conversation_id=made.pk,
            client_id=uuid.uuid4(),
            fields={"name": "Vera", "phone": "+49 30 1234567"},
            version=0,
            actor=Actor.person(cast.ana),
            agent=cast.ana,
        )
        payload = lead_payload(saved.lead_id, saved.revision)
    assert payload is not None
    assert [line.text for line in payload.transcript] == ["one", UNREADABLE, "three"]


def test_a_lead_sent_again_is_answered_though_its_event_is_unreadable(cast: Cast) -> None:
    made = conversation(cast.acme, agent=cast.ana, said=("one",))
    client_id = uuid.uuid4()

    def save() -> leads.SavedLead:
        with in_company(cast.acme):
            return leads.save(
                company=cast.acme,
                conversation_id=made.pk,
                client_id=client_id,
                fields={"name": "Vera", "phone": "+49 30 1234567"},
                version=0,
                actor=Actor.person(cast.ana),
                agent=cast.ana,
            )

    saved = save()
    tamper(cast.acme, made, saved.seq)
    assert save() == saved
    with in_company(cast.acme):
        assert LeadRevision.objects.count() == 1


def test_the_pages_show_the_rest(
    cast: Cast, client_for: Callable[..., Client], log: io.StringIO
) -> None:
    made = conversation(cast.acme, agent=cast.ana, said=("one", "two", "three"))
    other = conversation(cast.acme, agent=cast.ana, said=("four",))
    tamper(cast.acme, made, 3)
    transcript = client_for(cast.olga, cast.acme).get(f"/admin/conversations/{made.pk}/")
    desk = client_for(cast.ana).get(f"/desk/c/acme/{made.pk}/part/")
    for page in (transcript, desk):
        text = page.content.decode()
        assert page.status_code == 200
        places = [text.find(f">{words}<") for words in ("one", "two", UNREADABLE)]
        assert -1 not in places
        assert places == sorted(places)
        assert "three" not in text
    rows = inbox(user=cast.ana, companies=desk_companies(cast.ana)).mine
    assert {row.id: row.last_text for row in rows} == {made.pk: UNREADABLE, other.pk: "four"}
    assert {line for line in lines_about(log.getvalue(), made.pk) if "events" in line[0]} == {
        ("switchboard.events", "Event 3 cannot be read.")
    }
    assert lines_about(log.getvalue(), other.pk) == []

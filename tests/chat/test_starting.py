"""Starting a chat: what is stored, what a repetition does, and that it stays a few statements."""

import datetime
import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.actions import conversations, starting
from chat.actions.conversations import Started
from chat.errors import AlreadyOpen, Unavailable
from chat.live.protocol.visitor import StartFields
from chat.models import Conversation, Event, Visitor
from routing.models import QueueEntry
from tenants.actor import Actor
from tenants.context import in_company
from tenants.errors import NotFound
from tenants.models import AuditEvent
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.routing.scene import new_agent

pytestmark = pytest.mark.django_db
AT = datetime.datetime(2026, 6, 1, 10, tzinfo=datetime.UTC)


def new_visitor(company: CompanyRef, **fields: str) -> uuid.UUID:
    with in_company(company):
        return Visitor.objects.create(secret_digest=uuid.uuid4().hex, **fields).pk


def start(company: CompanyRef, visitor_id: uuid.UUID, **changes: Any) -> Started:
    given = {
        "start_id": uuid.uuid4(),
        "fields": StartFields(),
        "text": "In blue?",
        "visit_id": None,
        "now": AT,
    }
    return conversations.start(company=company, visitor_id=visitor_id, **{**given, **changes})


def stored(company: CompanyRef) -> tuple[int, int, int, int]:
    with in_company(company):
        return (
            Conversation.objects.count(),
            Event.objects.count(),
            QueueEntry.objects.filter(company_id=company.id).count(),
            AuditEvent.objects.filter(company_id=company.id).count(),
        )


@pytest.mark.parametrize("text", ["In blue?", None])
def test_a_start_stores_the_chat_its_first_events_its_place_and_its_audit_line(
    cast: Cast, text: str | None
) -> None:
    visitor_id, start_id = new_visitor(cast.acme, name="Mia"), uuid.uuid4()
    other = stored(cast.initech)
    started = start(cast.acme, visitor_id, start_id=start_id, text=text)
    last = 1 if text is None else 2
    assert started == Started(started.conversation_id, last, is_new=True)
    with in_company(cast.acme):
        chat = Conversation.objects.get()
        events = list(Event.objects.order_by("seq"))
        bodies = [json.loads(event.body) for event in events]
    assert (chat.pk, chat.visitor_id, chat.start_id) == (
        started.conversation_id,
        visitor_id,
        start_id,
    )
    assert (chat.state, chat.phase, chat.started_at) == ("queued", "during", AT)
    assert (chat.last_seq, chat.last_visitor_seq) == (last, last)
    assert (chat.desk_seen_seq, chat.visitor_seen_seq, chat.disposition) == (0, 0, "")
    assert chat.last_message_at == (None if text is None else AT)
    author = {"kind": "visitor", "name": "Mia", "id": str(visitor_id)}
    wanted = [{"change": "started", "state": "queued", "author": author}]
    if text is not None:
        wanted.append({"author": author, "text": text})
    assert bodies == wanted
    told = [(e.seq, e.visitor_seq, e.kind, e.author_kind, e.client_id, e.at) for e in events]
    assert (
        told
        == [
            (1, 1, "conversation.changed", "visitor", None, AT),
            (2, 2, "message", "visitor", start_id, AT),
        ][:last]
    )
    entry = QueueEntry.objects.get(company_id=cast.acme.id)
    assert (entry.conversation_id, entry.state, entry.last_agent_id) == (chat.pk, "waiting", None)
    line = AuditEvent.objects.filter(company_id=cast.acme.id).order_by("number").last()
    assert line is not None
    assert (line.verb, line.actor_id, line.target_id, line.facts) == (
        "conversation.started",
        visitor_id,
        str(chat.pk),
        {"phase": "during"},
    )
    assert stored(cast.initech) == other


@pytest.mark.parametrize("text", ["In blue?", None])
def test_the_same_start_again_changes_nothing_and_gets_the_same_answer(
    cast: Cast, text: str | None
) -> None:
    visitor_id, start_id = new_visitor(cast.acme), uuid.uuid4()
    first = start(cast.acme, visitor_id, start_id=start_id, text=text)
    before = stored(cast.acme)
    again = start(cast.acme, visitor_id, start_id=start_id, text=text)
    assert again == Started(first.conversation_id, first.seq, is_new=False)
    conversations.end_by_visitor(
        company=cast.acme, conversation_id=first.conversation_id, visitor_id=visitor_id
    )
    later = start(cast.acme, visitor_id, start_id=start_id, text=text)
    assert later == again
    assert stored(cast.acme)[0] == before[0]


def test_a_second_chat_at_a_time_and_a_stranger_are_refused_without_a_trace(cast: Cast) -> None:
    visitor_id = new_visitor(cast.acme)
    start(cast.acme, visitor_id)
    before, other = stored(cast.acme), stored(cast.initech)
    with pytest.raises(AlreadyOpen):
        start(cast.acme, visitor_id, fields=StartFields(name="Eve"))
    with pytest.raises(NotFound):
        start(cast.initech, visitor_id)
    assert (stored(cast.acme), stored(cast.initech)) == (before, other)
    with in_company(cast.acme):
        assert Visitor.objects.get(pk=visitor_id).name == ""


def test_who_clashes_with_a_chat_that_ends_at_once_is_to_try_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor_id, start_id = new_visitor(cast.acme), uuid.uuid4()
    before, really_store = stored(cast.acme), starting.store

    def store_too_late(**given: Any) -> bool:
        rival = Conversation.objects.create(
            visitor_id=visitor_id, start_id=uuid.uuid4(), phase=given["phase"], started_at=AT
        )
        is_first = really_store(**given)
        Conversation.objects.filter(pk=rival.pk).update(state="closed", closed_at=AT)
        return is_first

    monkeypatch.setattr(starting, "store", store_too_late)
    with pytest.raises(Unavailable):
        start(cast.acme, visitor_id, start_id=start_id, fields=StartFields(name="Eve"))
    assert stored(cast.acme) == before
    with in_company(cast.acme):
        assert Visitor.objects.get(pk=visitor_id).name == ""
    monkeypatch.undo()
    assert start(cast.acme, visitor_id, start_id=start_id).is_new


def test_another_visitor_s_start_id_opens_a_chat_of_one_s_own(cast: Cast) -> None:
    start_id = uuid.uuid4()
    theirs = start(cast.acme, new_visitor(cast.acme), start_id=start_id)
    mine = start(cast.acme, new_visitor(cast.acme), start_id=start_id)
    assert mine.is_new
    assert mine.conversation_id != theirs.conversation_id
    with in_company(cast.acme):
        assert Conversation.objects.filter(start_id=start_id).count() == 2


def test_what_visitors_say_of_themselves_is_kept_and_the_rest_stays(cast: Cast) -> None:
    visitor_id = new_visitor(cast.acme, name="Mia", phone="+1 202-555-0101")
    start(cast.acme, visitor_id, fields=StartFields(name="Mia V", email="mia@visitors.example"))
    with in_company(cast.acme):
        visitor = Visitor.objects.get(pk=visitor_id)
        author = json.loads(Event.objects.get(seq=1).body)["author"]["name"]
    assert (visitor.name, author) == ("Mia V", "Mia V")
    assert (visitor.email, visitor.phone) == ("mia@visitors.example", "+1 202-555-0101")


def test_the_agent_of_the_last_chat_is_named_to_routing(cast: Cast) -> None:
    visitor_id = new_visitor(cast.acme)
    for number in range(2):
        started = start(cast.acme, visitor_id, now=AT + datetime.timedelta(hours=number))
        agent = new_agent(f"agent{number}", cast.acme)
        conversations.assign(
            company=cast.acme,
            conversation_id=started.conversation_id,
            agent=agent,
            actor=Actor.person(agent),
        )
        conversations.end_by_visitor(
            company=cast.acme, conversation_id=started.conversation_id, visitor_id=visitor_id
        )
    third = start(cast.acme, visitor_id, now=timezone.now())
    entry = QueueEntry.objects.get(conversation_id=third.conversation_id)
    assert entry.last_agent_id == agent.pk


def test_a_start_is_four_statements(cast: Cast) -> None:
    visitor_id = new_visitor(cast.acme)
    start(cast.acme, new_visitor(cast.acme))
    with CaptureQueriesContext(connection) as queries:
        start(cast.acme, visitor_id)
    control = ("SET ", "SAVEPOINT", "RELEASE")
    work = [query["sql"] for query in queries if not query["sql"].startswith(control)]
    assert len(work) == 4, work

"""Group commit against real PostgreSQL: numbering, repetition, order."""

import asyncio
import uuid

import psycopg
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.actions import conversations, events
from chat.live import group_commit, message_rows
from chat.live.group_commit import GroupCommit
from chat.live.message_rows import Append, Outcome, Stored
from chat.live.protocol.visitor import StartFields
from chat.models import Conversation, Event
from tenants.context import in_company
from tenants.errors import Conflict, NotFound
from tenants.keyring import store
from tests.cast import Cast
from tests.chat.live.clients import make_visitor
from tests.chat.live.committing import (
    code,
    commit,
    from_agent,
    from_visitor,
    make_conversation,
    outcomes,
    rows,
    run,
    until_waited_for,
)

pytestmark = pytest.mark.real_commits


def test_messages_of_many_companies_commit_together(cast: Cast) -> None:
    made = [(c, make_conversation(c)) for c in cast.companies for _ in range(2)]

    async def work(committer: GroupCommit) -> int:
        await outcomes(committer, [from_visitor(c, v, f"{n}") for c, v in made for n in range(3)])
        return committer.flushes

    assert run(work) == 1
    for company, conversation in made:
        stored = rows(company, conversation)
        assert [(e.seq, e.visitor_seq, e.body["text"]) for e in stored] == [
            (1, 1, "0"), (2, 2, "1"), (3, 3, "2"),
        ]  # fmt: skip


def test_the_conversation_keeps_count_and_times(cast: Cast) -> None:
    conversation = make_conversation(cast.acme, cast.ana)
    commit(
        from_visitor(cast.acme, conversation, "Hello?"),
        from_agent(cast.acme, conversation, cast.ana, "look here", note=True),
        from_agent(cast.acme, conversation, cast.ana, "Hello!"),
    )
    stored = rows(cast.acme, conversation)
    assert [(e.kind, e.seq, e.visitor_seq) for e in stored] == [
        ("message", 1, 1), ("note", 2, None), ("message", 3, 2),
    ]  # fmt: skip
    with in_company(cast.acme):
        conversation.refresh_from_db()
    assert (conversation.last_seq, conversation.last_visitor_seq) == (3, 2)
    assert conversation.first_reply_at is not None
    assert conversation.last_message_at is not None


def test_a_note_alone_is_no_reply(cast: Cast) -> None:
    conversation = make_conversation(cast.acme, cast.ana)
    commit(from_agent(cast.acme, conversation, cast.ana, "busy", note=True))
    with in_company(cast.acme):
        conversation.refresh_from_db()
    assert (conversation.first_reply_at, conversation.last_message_at) == (None, None)
    assert (conversation.last_seq, conversation.last_visitor_seq) == (1, 0)


def test_what_was_said_is_unreadable_in_the_table(cast: Cast) -> None:
    conversation = make_conversation(cast.acme)
    commit(from_visitor(cast.acme, conversation, "unheard-of"))
    with in_company(cast.acme), connection.cursor() as cursor:
        cursor.execute("SELECT body FROM chat_event")
        (body,) = cursor.fetchone()
    assert body.startswith("t2:")
    assert "unheard-of" not in body


def test_the_same_id_ten_times_at_once_is_one_row_and_ten_equal_answers(cast: Cast) -> None:
    conversation = make_conversation(cast.acme)
    client_id = uuid.uuid4()
    answers = commit(*(from_visitor(cast.acme, conversation, "once", client_id) for _ in range(10)))
    assert {(a.seq, a.visitor_seq, a.at) for a in answers if isinstance(a, Stored)} == {
        (1, 1, rows(cast.acme, conversation)[0].at)
    }
    assert [a.is_new for a in answers if isinstance(a, Stored)] == [True] + [False] * 9
    again = commit(from_visitor(cast.acme, conversation, "once", client_id))
    assert isinstance(again[0], Stored)
    assert (again[0].seq, again[0].is_new) == (1, False)
    assert len(rows(cast.acme, conversation)) == 1


def test_an_agent_and_a_visitor_with_the_same_id_said_two_things(cast: Cast) -> None:
    conversation, client_id = make_conversation(cast.acme, cast.ana), uuid.uuid4()
    answer = from_agent(cast.acme, conversation, cast.ana, "theirs")
    answer.client_id = client_id
    for first in (True, False):
        answers = commit(from_visitor(cast.acme, conversation, "mine", client_id), answer)
        assert [(a.seq, a.is_new) for a in answers if isinstance(a, Stored)] == [
            (1, first), (2, first),
        ]  # fmt: skip
    assert [(e.seq, e.body["text"]) for e in rows(cast.acme, conversation)] == [
        (1, "mine"), (2, "theirs"),
    ]  # fmt: skip


def test_the_id_of_another_author_is_a_conflict_and_stores_nothing(cast: Cast) -> None:
    """A chat goes from one agent to another, who sends the id that the first one used."""
    conversation = make_conversation(cast.acme, cast.ana)
    bystander = make_conversation(cast.globex, cast.ana)
    first = from_agent(cast.acme, conversation, cast.ana, "I was Ana")
    commit(first)
    with in_company(cast.acme):
        Conversation.objects.filter(pk=conversation.pk).update(agent=cast.amir)
    second = from_agent(cast.acme, conversation, cast.amir, "I am Amir")
    second.client_id = first.client_id
    elsewhere = from_agent(cast.globex, bystander, cast.ana, "another chat")
    elsewhere.client_id = first.client_id
    refused, stored = commit(second, elsewhere)
    assert code(refused) == "conflict"
    assert isinstance(stored, Stored)
    assert [(e.seq, e.body["text"]) for e in rows(cast.acme, conversation)] == [(1, "I was Ana")]
    with in_company(cast.acme):
        conversation.refresh_from_db()
    assert (conversation.last_seq, conversation.last_visitor_seq) == (1, 1)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("note_first", [True, False])
def test_the_id_of_a_note_is_no_messages_and_the_other_way_round(
    cast: Cast, at_once: bool, note_first: bool
) -> None:
    chat = make_conversation(cast.acme, agent=cast.ana)
    first = from_agent(cast.acme, chat, cast.ana, "One", note=note_first)
    second = from_agent(cast.acme, chat, cast.ana, "Two", note=not note_first)
    second.client_id = first.client_id

    async def work(committer: GroupCommit) -> list[Outcome]:
        if at_once:
            return await outcomes(committer, [first, second])
        return await outcomes(committer, [first]) + await outcomes(committer, [second])

    stored, refused = run(work)
    assert isinstance(stored, Stored)
    assert isinstance(refused, Conflict)
    with in_company(cast.acme):
        assert [e.kind for e in Event.objects.all()] == ["note" if note_first else "message"]


def test_another_company_has_no_part_in_the_ack_of_an_id(cast: Cast) -> None:
    chat = make_conversation(cast.acme)
    here, elsewhere = from_visitor(cast.acme, chat), from_visitor(cast.globex, chat)
    elsewhere.client_id = here.client_id
    stored, refused = run(lambda committer: outcomes(committer, [here, elsewhere]))
    assert isinstance(stored, Stored)
    assert isinstance(refused, NotFound)
    with in_company(cast.globex):
        assert Event.objects.count() == 0


@pytest.mark.parametrize("kind", ["start", "end"])
def test_the_id_of_another_frame_of_the_same_author_is_a_conflict(cast: Cast, kind: str) -> None:
    """Acked, the message would be lost: what is stored under that id is not what was said."""
    visitor_id, _ = make_visitor(cast.acme)
    frame_id, start_id = uuid.uuid4(), uuid.uuid4()
    started = conversations.start(
        company=cast.acme,
        visitor_id=visitor_id,
        start_id=start_id,
        fields=StartFields(),
        text="Hello",
        visit_id=None,
    )
    if kind == "end":
        conversations.end_by_visitor(
            company=cast.acme,
            conversation_id=started.conversation_id,
            visitor_id=visitor_id,
            client_id=frame_id,
        )
    with in_company(cast.acme):
        conversation = Conversation.objects.get(pk=started.conversation_id)
    before = [(e.seq, e.body) for e in rows(cast.acme, conversation)]
    used = start_id if kind == "start" else frame_id
    [refused] = commit(from_visitor(cast.acme, conversation, "Something else", used))
    assert code(refused) == "conflict"
    assert [(e.seq, e.body) for e in rows(cast.acme, conversation)] == before


def test_an_id_that_another_process_stores_at_that_very_moment_gets_its_ack(cast: Cast) -> None:
    conversation = make_conversation(cast.acme)
    append = from_visitor(cast.acme, conversation)

    async def at_once() -> list[Outcome]:
        committer = GroupCommit()
        other = await psycopg.AsyncConnection.connect(**group_commit.connection_parameters())
        try:
            async with other.transaction():
                statement = message_rows.statement(cast.acme.schema_name)
                await other.execute(statement, message_rows.parameters([append]))
                waiting = asyncio.create_task(outcomes(committer, [append]))
                await until_waited_for(other)
            return await waiting
        finally:
            await other.close()
            await committer.close()

    store.load([cast.acme.schema_name])
    [found] = asyncio.run(at_once())
    assert isinstance(found, Stored)
    assert (found.seq, found.is_new) == (1, False)
    with in_company(cast.acme):
        assert Event.objects.filter(conversation=conversation).count() == 1


def test_processes_at_once_number_without_gaps(cast: Cast) -> None:
    """Several committers with a connection each, the same conversations, the same ids twice."""
    made = [make_conversation(cast.acme) for _ in range(3)]
    ids = [uuid.uuid4() for _ in range(40)]

    async def main() -> list[list[Outcome]]:
        committers = [GroupCommit(max_flush=7) for _ in range(4)]
        answers = await asyncio.gather(
            *(
                outcomes(c, [from_visitor(cast.acme, v, str(i), i) for i in ids for v in made])
                for c in committers
            )
        )
        await asyncio.gather(*(c.close() for c in committers))
        return list(answers)

    answers = asyncio.run(main())
    for conversation in made:
        stored = rows(cast.acme, conversation)
        assert [e.seq for e in stored] == list(range(1, 41))
        assert [e.visitor_seq for e in stored] == list(range(1, 41))
        assert {e.client_id for e in stored} == set(ids)
    seqs = [[a.seq for a in one if isinstance(a, Stored)] for one in answers]
    assert seqs[0] == seqs[1] == seqs[2] == seqs[3]
    assert sum(a.is_new for one in answers for a in one if isinstance(a, Stored)) == 120


def test_a_message_and_a_change_at_once_share_one_numbering(cast: Cast) -> None:
    """A thread appends by transaction while the loop commits messages."""
    conversation = make_conversation(cast.acme, cast.ana)

    def change() -> None:
        with in_company(cast.acme), transaction.atomic():
            events.append(
                conversation_id=conversation.pk,
                kind=Event.Kind.LEAD_CHANGED,
                author_kind=Event.AuthorKind.SYSTEM,
                author_id=None,
                body={"author": {"kind": "system"}, "lead": str(uuid.uuid4()), "revision": 1},
                visible_to_visitor=False,
            )

    def changes() -> None:
        for _ in range(15):
            change()
        connection.close()

    async def work(committer: GroupCommit) -> None:
        thread = asyncio.to_thread(changes)
        messages = outcomes(
            committer, [from_visitor(cast.acme, conversation, str(n)) for n in range(60)]
        )
        await asyncio.gather(thread, messages)

    run(work)
    stored = rows(cast.acme, conversation)
    assert [e.seq for e in stored] == list(range(1, 76))
    assert [e.visitor_seq for e in stored if e.visitor_seq] == list(range(1, 61))


# What clients do, against a plain list: sends, repetitions, notes, flushes cut anywhere.
step = st.tuples(
    st.integers(0, 1),  # which conversation
    st.sampled_from(["visitor", "agent", "note"]),
    st.integers(0, 5),  # which of few ids: repetitions are common
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(step, max_size=8), max_size=5), size=st.integers(1, 4))
def test_storage_equals_a_list(
    cast: Cast, batches: list[list[tuple[int, str, int]]], size: int
) -> None:
    made = [make_conversation(cast.acme, cast.ana) for _ in range(2)]
    ids = [uuid.uuid4() for _ in range(6)]
    model: list[list[tuple[str, uuid.UUID]]] = [[], []]
    # None: the id stands for the other kind of message.
    expected: list[tuple[int, int | None] | None] = []

    def append_of(which: int, who: str, number: int) -> Append:
        conversation, client_id = made[which], ids[number]
        side = "visitor" if who == "visitor" else "agent"
        known = [e for e in model[which] if (e[0] == "visitor") == (side == "visitor")]
        if client_id not in [e[1] for e in known]:
            model[which].append((who, client_id))
        place = next(
            n
            for n, (w, i) in enumerate(model[which], 1)
            if i == client_id and (w == "visitor") == (side == "visitor")
        )
        seen = model[which][:place]
        hidden = seen[-1][0] == "note"
        answer = (place, None if hidden else sum(w != "note" for w, _ in seen))
        expected.append(answer if seen[-1][0] == who else None)
        if who == "visitor":
            return from_visitor(cast.acme, conversation, who, client_id)
        append = from_agent(cast.acme, conversation, cast.ana, who, note=who == "note")
        append.client_id = client_id
        return append

    async def main() -> list[Outcome]:
        committer = GroupCommit(max_flush=size)
        answers: list[Outcome] = []
        for batch in batches:
            answers += await outcomes(committer, [append_of(*one) for one in batch])
        await committer.close()
        return answers

    answers = asyncio.run(main())
    assert [(a.seq, a.visitor_seq) if isinstance(a, Stored) else None for a in answers] == expected
    assert all(isinstance(a, Stored | Conflict) for a in answers)
    for conversation, entries in zip(made, model, strict=True):
        stored = rows(cast.acme, conversation)
        assert [(e.body["text"], e.client_id) for e in stored] == entries
        assert [e.seq for e in stored] == list(range(1, len(entries) + 1))
        visible = [e.visitor_seq for e in stored if e.visitor_seq is not None]
        assert visible == list(range(1, len(visible) + 1))

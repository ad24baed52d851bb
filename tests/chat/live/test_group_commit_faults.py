"""Group commit when something is wrong: refusals, locks, lost connections, full queues."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator, Sequence

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone
from psycopg import sql

from chat.live import group_commit, message_rows
from chat.live.group_commit import GroupCommit
from chat.live.message_rows import Append, Outcome, Stored
from chat.models import Conversation
from tenants.context import in_company
from tenants.keyring import store
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.live.committing import (
    code,
    commit,
    from_agent,
    from_visitor,
    make_conversation,
    outcomes,
    rows,
    run,
)

pytestmark = pytest.mark.real_commits


@contextlib.asynccontextmanager
async def holding(company: CompanyRef, conversation: Conversation) -> AsyncIterator[None]:
    """Somebody else has the conversation's row."""
    other = await psycopg.AsyncConnection.connect(**group_commit.connection_parameters())
    try:
        async with other.transaction():
            table = sql.Identifier(company.schema_name, "chat_conversation")
            lock = sql.SQL("SELECT 1 FROM {} WHERE id = %s FOR UPDATE").format(table)
            await other.execute(lock, [conversation.pk])
            yield
    finally:
        await other.close()


def test_a_conversation_that_somebody_holds_holds_no_other_up(cast: Cast) -> None:
    held, free = make_conversation(cast.acme), make_conversation(cast.acme)
    waits = from_visitor(cast.acme, held)

    async def work(committer: GroupCommit) -> tuple[list[Outcome], list[Outcome]]:
        async with holding(cast.acme, held):
            meanwhile = await outcomes(
                committer,
                [
                    from_visitor(cast.acme, free, "1"),
                    waits,
                    from_visitor(cast.acme, free, "2"),
                    from_visitor(cast.acme, free, "3", author_id=uuid.uuid4()),
                ],
            )
        return meanwhile, await outcomes(committer, [waits])

    meanwhile, afterwards = run(work)
    first, refused, second, stranger = meanwhile
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert [first.seq, second.seq] == [1, 2]
    assert (code(refused), code(stranger)) == ("unavailable", "not_found")
    [stored] = afterwards
    assert isinstance(stored, Stored)
    assert (stored.seq, stored.is_new) == (1, True)
    assert [e.body["text"] for e in rows(cast.acme, held)] == ["hello"]


def test_a_bad_one_beside_a_held_one_has_nobody_wait_a_second_time(cast: Cast) -> None:
    held, free = make_conversation(cast.acme), make_conversation(cast.acme, cast.ana)

    async def work(committer: GroupCommit) -> tuple[list[Outcome], int]:
        appends = [
            from_visitor(cast.acme, held),
            from_visitor(cast.acme, free, "1"),
            unstorable(cast, free),
            from_visitor(cast.acme, free, "2"),
        ]
        async with holding(cast.acme, held):
            return await outcomes(committer, appends), committer.flushes

    answers, flushes = run(work)
    assert [a.seq if isinstance(a, Stored) else a.code for a in answers] == [
        "unavailable", 1, "unavailable", 2,
    ]  # fmt: skip
    # All, which waits; all but the held one; its first half, its second half, and that one's two.
    assert flushes == 6


def test_a_flush_that_takes_too_long_is_not_tried_in_parts(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = group_commit.SESSION.replace("statement_timeout=5s", "statement_timeout=100ms")
    monkeypatch.setattr(group_commit, "SESSION", hurried)
    held = make_conversation(cast.acme)
    appends = [from_visitor(cast.acme, held, str(number)) for number in range(8)]

    async def work(committer: GroupCommit) -> tuple[list[Outcome], int, list[Outcome]]:
        async with holding(cast.acme, held):
            meanwhile = await outcomes(committer, appends)
        flushes = committer.flushes
        return meanwhile, flushes, await outcomes(committer, appends)

    meanwhile, flushes, afterwards = run(work)
    assert [code(outcome) for outcome in meanwhile] == ["unavailable"] * 8
    assert flushes == 1
    assert [a.seq for a in afterwards if isinstance(a, Stored)] == list(range(1, 9))


def unstorable(cast: Cast, conversation: Conversation) -> Append:
    """What Ana may write, and what its column has no room for: the statement itself fails."""
    append = from_agent(cast.acme, conversation, cast.ana, "too much")
    append.kind = "x" * 99
    return append


def test_an_unforeseen_error_leaves_nobody_waiting(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = make_conversation(cast.acme)
    real = message_rows.parameters

    def broken(appends: Sequence[Append]) -> tuple[str, str]:
        raise RuntimeError

    async def work(committer: GroupCommit) -> list[Outcome]:
        append = from_visitor(cast.acme, conversation, "first")
        monkeypatch.setattr(message_rows, "parameters", broken)
        failed = await outcomes(committer, [append, from_visitor(cast.acme, conversation)])
        monkeypatch.setattr(message_rows, "parameters", real)
        return failed + await outcomes(committer, [append])

    *failed, stored = run(work)
    assert [code(outcome) for outcome in failed] == ["unavailable", "unavailable"]
    assert isinstance(stored, Stored)
    assert [e.body["text"] for e in rows(cast.acme, conversation)] == ["first"]


def test_bad_ones_fall_out_alone(cast: Cast) -> None:
    good, closed = make_conversation(cast.acme), make_conversation(cast.acme)
    hers, foreign = make_conversation(cast.acme, cast.ana), make_conversation(cast.initech)
    with in_company(cast.acme):
        Conversation.objects.filter(pk=closed.pk).update(state="closed", closed_at=timezone.now())
    stranger = from_visitor(cast.acme, good, "not mine", author_id=uuid.uuid4())
    agent = from_agent(cast.acme, good, cast.ana, "not assigned")
    answers = commit(
        from_visitor(cast.acme, good, "1"),
        from_visitor(cast.acme, closed, "late"),
        stranger,
        from_visitor(cast.acme, foreign, "another company's"),
        unstorable(cast, hers),
        from_visitor(cast.acme, hers, "mine"),
        agent,
        from_visitor(cast.acme, good, "2"),
        from_visitor(cast.initech, foreign, "3"),
    )
    assert [a.seq if isinstance(a, Stored) else a.code for a in answers] == [
        1, "conversation_closed", "not_found", "not_found", "unavailable", 1, "not_found", 2, 1,
    ]  # fmt: skip
    assert [e.body["text"] for e in rows(cast.acme, good)] == ["1", "2"]
    assert [e.body["text"] for e in rows(cast.acme, hers)] == ["mine"]
    assert rows(cast.acme, closed) == []
    assert [e.body["text"] for e in rows(cast.initech, foreign)] == ["3"]


def test_a_company_whose_tables_are_gone_costs_the_others_nothing(cast: Cast) -> None:
    good, gone = make_conversation(cast.acme), cast.initech
    lost = make_conversation(gone)
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{gone.schema_name}".chat_event RENAME TO chat_event_gone')
    try:
        answers = commit(
            *(from_visitor(cast.acme, good, str(n)) for n in range(5)),
            from_visitor(gone, lost, "lost"),
            from_visitor(cast.acme, good, "5"),
        )
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{gone.schema_name}".chat_event_gone RENAME TO chat_event')
    assert [a.seq for a in answers if isinstance(a, Stored)] == [1, 2, 3, 4, 5, 6]
    assert code(answers[5]) == "unavailable"
    with in_company(cast.initech):
        assert Conversation.objects.get(pk=lost.pk).last_seq == 0


def test_a_company_without_keys_is_refused_and_nothing_is_stored_in_clear(cast: Cast) -> None:
    good, bad = make_conversation(cast.acme), make_conversation(cast.initech)
    keyless = dataclasses.replace(cast.initech, schema_name="t_" + "0" * 32)
    answers = commit(from_visitor(cast.acme, good), from_visitor(keyless, bad))
    assert isinstance(answers[0], Stored)
    assert code(answers[1]) == "key_gone"
    assert rows(cast.initech, bad) == []


def test_without_the_keys_database_those_whose_keys_are_at_hand_go_on(cast: Cast) -> None:
    good, bad = make_conversation(cast.acme), make_conversation(cast.initech)
    appends = [from_visitor(cast.acme, good), from_visitor(cast.initech, bad)]
    store.forget()
    store.load([cast.acme.schema_name])
    with connections["keys"].cursor() as cursor:
        cursor.execute("ALTER TABLE keyring_companykey RENAME TO away")
        try:
            answers = commit(*appends)
        finally:
            cursor.execute("ALTER TABLE away RENAME TO keyring_companykey")
    assert isinstance(answers[0], Stored)
    assert code(answers[1]) == "unavailable"
    assert rows(cast.initech, bad) == []
    (again,) = commit(appends[1])
    assert isinstance(again, Stored)


def test_without_the_database_nobody_is_acked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = make_conversation(cast.acme)
    real = group_commit.connection_parameters
    nowhere = {**real(), "port": "1"}

    async def work(committer: GroupCommit) -> list[Outcome]:
        append = from_visitor(cast.acme, conversation, "first")
        monkeypatch.setattr(group_commit, "connection_parameters", lambda: nowhere)
        failed = await outcomes(committer, [append])
        monkeypatch.setattr(group_commit, "connection_parameters", real)
        return failed + await outcomes(committer, [append])

    failed, stored = run(work)
    assert code(failed) == "unavailable"
    assert isinstance(stored, Stored)
    assert [e.body["text"] for e in rows(cast.acme, conversation)] == ["first"]


def test_a_connection_cut_in_between_is_made_again(cast: Cast) -> None:
    conversation = make_conversation(cast.acme)

    async def work(committer: GroupCommit) -> list[Outcome]:
        first = await outcomes(committer, [from_visitor(cast.acme, conversation, "1")])
        assert committer._connection is not None
        await asyncio.to_thread(_cut, committer._connection.info.backend_pid)
        append = from_visitor(cast.acme, conversation, "2")
        second = await outcomes(committer, [append])
        third = await outcomes(committer, [append])
        return first + second + third

    first, second, third = run(work)
    assert isinstance(first, Stored)
    assert code(second) == "unavailable"
    assert isinstance(third, Stored)
    assert [e.body["text"] for e in rows(cast.acme, conversation)] == ["1", "2"]


def _cut(backend: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
    connection.close()


def test_closing_stores_what_waits(cast: Cast) -> None:
    conversation = make_conversation(cast.acme)
    heard: list[Outcome] = []

    async def main() -> None:
        committer = GroupCommit(max_flush=3)
        for number in range(10):
            append = from_visitor(cast.acme, conversation, str(number))
            append.done = lambda _, outcome: heard.append(outcome)
            committer.submit(append)
        await committer.close()

    asyncio.run(main())
    assert [a.seq for a in heard if isinstance(a, Stored)] == list(range(1, 11))


def test_more_than_may_wait_is_refused_at_once(cast: Cast) -> None:
    conversation = make_conversation(cast.acme)

    async def main() -> list[Outcome]:
        committer = GroupCommit(max_waiting=2)
        answers = await outcomes(
            committer, [from_visitor(cast.acme, conversation, str(n)) for n in range(4)]
        )
        await committer.close()
        return answers

    answers = asyncio.run(main())
    assert [isinstance(a, Stored) for a in answers] == [True, True, False, False]
    assert code(answers[3]) == "unavailable"

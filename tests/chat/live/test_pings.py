"""A ping brings what a socket is known to miss, and asks the database for nothing else."""

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connection, transaction

from chat.actions import events
from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.consumers.base import SocketConsumer
from chat.live.consumers.desk import DeskConsumer
from chat.live.consumers.visitor import VisitorConsumer
from chat.live.streams import streams
from chat.models import Conversation, Event
from chat.queries import thread
from tenants.async_db import run_in_company, run_in_public
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation, say_elsewhere
from tests.chat.live.clients import Frame, session_of, token_of
from tests.chat.live.in_process import Line, run
from tests.waiting import until_async

pytestmark = pytest.mark.real_commits


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """The conversations that sockets read from storage, from now on."""
    read: list[uuid.UUID] = []
    real = thread.replay

    def replay(conversation_id: uuid.UUID, after: int, *, for_visitor: bool) -> Any:
        read.append(conversation_id)
        return real(conversation_id, after, for_visitor=for_visitor)

    monkeypatch.setattr(thread, "replay", replay)
    return read


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextlib.asynccontextmanager
async def events_unreadable(company: CompanyRef) -> AsyncIterator[None]:
    """The database refuses to read the company's events."""
    await run_in_company(company, execute, "ALTER TABLE chat_event RENAME TO chat_event_away")
    try:
        yield
    finally:
        await run_in_company(company, execute, "ALTER TABLE chat_event_away RENAME TO chat_event")


def note_elsewhere(made: Conversation) -> None:
    with transaction.atomic():
        events.append(
            conversation_id=made.pk,
            kind=Event.Kind.NOTE,
            author_kind=Event.AuthorKind.SYSTEM,
            author_id=None,
            body={"text": "Not for visitors", "author": {"kind": "system"}},
            visible_to_visitor=False,
        )


def shown(frames: list[Frame]) -> list[tuple[str, int | None]]:
    return [(frame["type"], frame.get("seq")) for frame in frames]


def test_a_reading_that_failed_is_made_good_by_the_next_ping(
    cast: Cast, reads: list[uuid.UUID], caplog: pytest.LogCaptureFixture
) -> None:
    made = conversation(cast.acme, agent=cast.ana, said=("one", "two"))
    pk = str(made.pk)
    token = token_of(cast.acme, made)
    caplog.set_level(logging.WARNING, "switchboard.socket")

    async def story(layer: BusLayer) -> None:
        visitor = Line(VisitorConsumer(), "acme.localhost")
        visitor.send("hello", token=token, resume={"conversation": pk, "after": 2})
        await visitor.until("welcome")
        assert (await visitor.ping())[-1]["conversations"] == {pk: 2}
        assert reads == [made.pk]
        async with events_unreadable(cast.acme):
            visitor.send("resume", conversation=pk, after=0)
            assert (await visitor.until("error"))[-1]["code"] == "unavailable"
            # The answer does not fail with the reading, and says how far this socket was brought.
            (pong,) = await visitor.ping()
            assert pong["conversations"] == {pk: 0}
            assert "Missing events could not be read: ProgrammingError." in caplog.messages
        assert reads == [made.pk] * 3
        first, second, pong = await visitor.ping()
        assert shown([first, second]) == [("message", 1), ("message", 2)]
        assert (first["text"], second["text"]) == ("one", "two")
        assert pong["conversations"] == {pk: 2}
        assert reads == [made.pk] * 4

        # Now nothing is missing; nor is a note anything that a visitor could miss.
        assert shown(await visitor.ping()) == [("pong", None)]
        await run_in_public(say_elsewhere, cast.acme, made, "three")
        assert shown(await visitor.until("message")) == [("message", 3)]
        await run_in_company(cast.acme, note_elsewhere, made)
        await until_async(lambda: streams().delivered(made.pk) == 4)
        assert shown(await visitor.ping()) == [("pong", None)]
        assert reads == [made.pk] * 4
        await visitor.hang_up()

    run(story)


@pytest.mark.parametrize("side", ["desk", "visitor"])
def test_a_ping_brings_what_the_process_was_told_and_the_socket_was_not(
    cast: Cast, reads: list[uuid.UUID], side: str
) -> None:
    made = conversation(cast.acme, agent=cast.ana, said=("one",))
    other = conversation(cast.globex, agent=cast.ana, said=("private",))
    if side == "desk":
        consumer: SocketConsumer = DeskConsumer()
        cookie, host, key = session_of(cast.ana), "localhost", f"acme/{made.pk}"
        hello: dict[str, Any] = {"resume": {key: 1, f"globex/{other.pk}": 1}}
        group = groups.desks_of(cast.acme.id, made.pk)
        missed, at_first = [("message", 2), ("message", 3)], {made.pk, other.pk}
    else:
        consumer = VisitorConsumer()
        cookie, host, key = "", "acme.localhost", str(made.pk)
        hello = {"token": token_of(cast.acme, made), "resume": {"conversation": key, "after": 1}}
        group = groups.visitors_of(cast.acme.id, made.pk)
        missed, at_first = [("message", 2)], {made.pk}

    async def story(layer: BusLayer) -> None:
        line = Line(consumer, host, cookie=cookie)
        line.send("hello", **hello)
        await line.until("welcome")
        assert (await line.ping())[-1]["conversations"][key] == 1
        assert set(reads) == at_first
        reads.clear()
        layer.leave(group, consumer.channel_name)
        await run_in_company(cast.acme, note_elsewhere, made)
        await run_in_public(say_elsewhere, cast.acme, made, "two")
        await until_async(lambda: streams().delivered(made.pk) == 3)
        layer.join(group, consumer.channel_name)
        *frames, pong = await line.ping()
        assert shown(frames) == missed
        assert frames[-1]["text"] == "two"
        assert pong["conversations"][key] == missed[-1][1]
        assert shown(await line.ping()) == [("pong", None)]
        assert reads == [made.pk]
        await line.hang_up()

    run(story)

"""What is logged of a conversation carries its id, and never a word of it."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from psycopg import sql

from chat.actions import dispatch
from chat.models import Conversation
from chat.views import desk
from routing import interface as routing
from routing.clock import database_now
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.chat.live.clients import DeskClient, VisitorClient, token_of
from tests.chat.live.http_clients import HttpVisitor
from tests.routing.scene import arrive
from tests.routing.test_dispatch import start_chat
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits
SECRET = "Vera Visitor, +49 30 123456"
Lines = list[tuple[str, str]]


def lines_about(text: str, conversation_id: object) -> Lines:
    """Logger and message of each line that carries the conversation's id."""
    # Warnings of the interpreter itself are no JSON.
    written = [line for line in text.splitlines() if line.startswith("{")]
    lines: list[dict[str, Any]] = [json.loads(line) for line in written]
    return [
        (line["logger"], line["message"])
        for line in lines
        if line.get("conversation") == str(conversation_id)
    ]


@contextlib.contextmanager
def without_table(company: CompanyRef, table: str) -> Iterator[None]:
    """Whatever asks the company's table meanwhile, fails."""

    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("ALTER TABLE {} RENAME TO {}").format(
                    sql.Identifier(company.schema_name, old), sql.Identifier(new)
                )
            )

    rename(table, "away")
    try:
        yield
    finally:
        rename("away", table)


def test_a_conversation_that_is_read_by_http(
    cast: Cast,
    client_for: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    log: Any,
) -> None:
    caplog.set_level(logging.INFO)
    chat = conversation(cast.acme, agent=cast.ana, said=(SECRET,))
    address = f"/desk/c/acme/{chat.pk}/part/"
    agent = client_for(cast.ana)
    assert SECRET in agent.get(address).content.decode()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(desk, "open_conversation", fail)
    agent.raise_request_exception = False
    assert agent.get(address).status_code == 500
    request = "GET /desk/c/<slug:slug>/<uuid:conversation_id>/part/"
    assert lines_about(log.getvalue(), chat.pk) == [
        ("switchboard.request", request),
        ("django.request", "Internal Server Error: desk_opened"),
        ("switchboard.request", request),
    ]
    assert "Vera" not in log.getvalue()


def test_frames_that_cannot_be_served(cast: Cast, served: Daphne, logs: Path) -> None:
    chat = conversation(cast.acme, agent=cast.ana, said=())
    other = conversation(cast.globex, agent=cast.amir, said=())
    key = f"acme/{chat.pk}"
    visitor = VisitorClient(served, cast.acme, token_of(cast.acme, chat))
    agent = DeskClient(served, cast.ana, resume={key: 0})
    polling = HttpVisitor(served, cast.acme, token_of(cast.acme, chat))
    # Each has read what it follows, which needs the table.
    assert [socket.answers()[-1]["type"] for socket in (visitor, agent)] == ["pong", "pong"]
    with without_table(cast.acme, "chat_event"):
        answers = [
            visitor.say(str(chat.pk), SECRET),
            visitor.ask("conversation.end", conversation=chat.pk),
            agent.ask("conversation.close", conversation=key),
        ]
    assert [answer["code"] for answer in answers] == ["unavailable"] * 3
    assert polling.poll(conversation=chat.pk, wait=0).status == 200
    written = (logs / "daphne.log").read_text()
    assert sorted(lines_about(written, chat.pk)) == [
        ("switchboard.group_commit", "A message was refused: 42P01."),
        ("switchboard.request", "GET /widget/events"),
        ("switchboard.socket", "A frame could not be served: ProgrammingError."),
        ("switchboard.socket", "A frame could not be served: ProgrammingError."),
    ]
    assert lines_about(written, other.pk) == []
    assert "Vera" not in written
    visitor.close()
    agent.close()


def test_events_that_a_desk_misses_and_cannot_be_read(
    cast: Cast, served: Daphne, logs: Path
) -> None:
    chat = conversation(cast.acme, agent=cast.ana, said=(SECRET,))
    other = conversation(cast.globex, agent=cast.ana, said=(SECRET,))
    key = f"acme/{chat.pk}"
    agent = DeskClient(served, cast.ana, resume={key: 1, f"globex/{other.pk}": 1})
    assert agent.answers()[-1]["conversations"][key] == 1
    with without_table(cast.acme, "chat_event"):
        # It stays behind, and the next ping tries again.
        assert agent.refused("resume", conversation=key, after=0)["code"] == "unavailable"
        assert agent.answers()[-1]["conversations"][key] == 0
    assert [frame["seq"] for frame in agent.answers()[:-1]] == [1]
    agent.close()
    written = (logs / "daphne.log").read_text()
    assert lines_about(written, chat.pk) == [
        ("switchboard.socket", "A frame could not be served: ProgrammingError."),
        ("switchboard.socket", "Missing events could not be read: ProgrammingError."),
    ]
    missing = [line for line in written.splitlines() if "Missing events" in line]
    assert [json.loads(line)["company"] for line in missing] == [str(cast.acme.id)]
    assert lines_about(written, other.pk) == []


def test_a_chat_that_the_dispatcher_cannot_carry_out(cast: Cast, log: Any) -> None:
    first, second = start_chat(cast.acme, SECRET), start_chat(cast.acme, SECRET)
    # As no code of ours leaves it: closed for the company, waiting for routing.
    with in_company(cast.acme):
        Conversation.objects.filter(pk=first).update(state="closed", closed_at=database_now())
    arrive(cast.amir, auto_accept=True)
    dispatch.run()
    assert routing.agent_state(cast.amir.pk).load == 2
    assert lines_about(log.getvalue(), first) == [
        ("switchboard.dispatch", "An offer could not be carried out: Conflict.")
    ]
    assert lines_about(log.getvalue(), second) == []
    assert "Vera" not in log.getvalue()

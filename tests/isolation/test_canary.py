"""A whole chat with unique words; then every place is searched that must not hold them."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection, connections
from psycopg import sql

from chat.models import Conversation, Event, LeadRevision
from crm_sync.actions import connections as crm_connections
from crm_sync.models import Attempt
from tenants.actor import SYSTEM
from tenants.context import in_company
from tests import wire
from tests.cast import Cast
from tests.crm_sync.doubles import HttpDouble, http_double, status
from tests.servers import Daphne, Worker
from tests.waiting import until

pytestmark = pytest.mark.real_commits

PAGE = "https://www.acme.example/cars/?for="


@pytest.fixture
def words() -> dict[str, str]:
    """One word for each place in which a person can write; none is in any dictionary."""
    places = ("name", "email", "message", "answer", "note", "lead", "page", "title", "offline")
    return {place: f"zq{place}{uuid.uuid4().hex[:12]}" for place in places}


@pytest.fixture
def overheard(tmp_path: Path) -> Iterator[Path]:
    """Every command that Valkey gets meanwhile, the messages through its channels included."""
    heard = tmp_path / "valkey.txt"
    listener = subprocess.Popen(
        [sys.executable, "-m", "tests.isolation.overhear", settings.REDIS_URL, str(heard)]
    )
    until(heard.exists)
    yield heard
    listener.terminate()
    listener.wait(10)


def test_no_word_of_a_chat_is_readable_anywhere(
    cast: Cast, words: dict[str, str], overheard: Path, tmp_path: Path
) -> None:
    served = Daphne(log=tmp_path / "daphne.log").start()
    worker = Worker(log=tmp_path / "worker.log").start()
    try:
        with http_double() as crm:
            _link(cast, crm)
            # From now on it fails, and repeats to us what it was sent.
            crm.answers = [status(500, words["lead"].encode())]
            _chat(cast, served, words)
            until(lambda: _attempts(cast), seconds=30)
    finally:
        worker.stop()
        served.stop()
    _everything_was_stored(cast, words)

    found_in_tables = dict(_tables())
    found = {
        place: [word for word in words.values() if word in text]
        for place, text in (
            ("daphne's log", (tmp_path / "daphne.log").read_text()),
            ("the worker's log", (tmp_path / "worker.log").read_text()),
            ("what passed through Valkey", overheard.read_text()),
            *((f"table {name}", text) for name, text in found_in_tables.items()),
        )
    }
    assert {place: seen for place, seen in found.items() if seen} == {}
    # The search itself works: what does pass there is found there.
    assert str(cast.acme.id) in (tmp_path / "daphne.log").read_text()
    assert str(cast.acme.id) in (tmp_path / "worker.log").read_text()
    assert str(cast.acme.id) in overheard.read_text()
    assert str(cast.acme.id) in found_in_tables["public.tenants_auditevent"]


def _link(cast: Cast, crm: HttpDouble) -> None:
    with in_company(cast.acme):
        made = crm_connections.create(
            company=cast.acme,
            actor=SYSTEM,
            connector="webhook",
            name="CRM",
            values={"url": crm.url, "transcript": "yes"},
        )
        crm_connections.send_test_lead(company=cast.acme, actor=SYSTEM, connection_id=made.pk)
        crm_connections.activate(company=cast.acme, actor=SYSTEM, connection_id=made.pk)


def _chat(cast: Cast, served: Daphne, words: dict[str, str]) -> None:
    agent = wire.desk_line(served, cast.amir)
    assert agent.ask("status.set", status="available")["type"] == "ack"
    visitor, _ = wire.visitor_line(served, cast.acme)
    visitor.send("page", url=PAGE + words["page"], title=words["title"])
    started = visitor.ask(
        "conversation.start",
        fields={"name": words["name"], "email": f"{words['email']}@visitors.example"},
        text=words["message"],
    )
    offer = agent.wait_for_type("offer")
    assert agent.ask("offer.accept", offer=offer["offer"])["type"] == "ack"
    key = f"{cast.acme.slug}/{started['conversation']}"
    assert agent.ask("message.send", conversation=key, text=words["answer"])["type"] == "ack"
    assert (
        agent.ask("message.send", conversation=key, text=words["note"], note=True)["type"] == "ack"
    )
    saved = agent.ask(
        "lead.save",
        conversation=key,
        version=0,
        fields={
            "name": words["name"],
            "email": f"{words['email']}@visitors.example",
            "notes": words["lead"],
        },
    )
    assert saved["type"] == "ack", saved
    # What is refused may be quoted in an error, and errors are logged.
    visitor.connection.send('{"type": "message.send", "text": "' + words["message"] + '", ')
    visitor.send("message.send", conversation="not-an-id", text=words["message"])
    refused = httpx.post(
        f"http://127.0.0.1:{served.port}/widget/offline",
        headers={"Host": served.host(cast.acme)},
        json={"notes": words["offline"]},
    )
    assert refused.status_code >= 400
    assert agent.ask("conversation.close", conversation=key, disposition="lead")["type"] == "ack"
    visitor.close()
    agent.close()


def _attempts(cast: Cast) -> int:
    with in_company(cast.acme):
        return Attempt.objects.count()


def _everything_was_stored(cast: Cast, words: dict[str, str]) -> None:
    """What is searched for was really there: read through the fields, it is readable."""
    with in_company(cast.acme):
        said = " ".join(event.body for event in Event.objects.all())
        leads = " ".join(revision.payload for revision in LeadRevision.objects.all())
        assert Conversation.objects.get().visitor.name == words["name"]
    for place in ("message", "answer", "note"):
        assert words[place] in said
    assert words["lead"] in leads


def _tables() -> Iterator[tuple[str, str]]:
    """Every table of every schema of both databases as text, as a thief would read it."""
    for this in (connection, connections["keys"]):
        with this.cursor() as cursor:
            cursor.execute(
                "SELECT schemaname, tablename FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
            for schema, table in cursor.fetchall():
                rows = sql.SQL("SELECT coalesce(string_agg(t::text, ' '), '') FROM {} t")
                cursor.execute(rows.format(sql.Identifier(schema, table)))
                yield f"{schema}.{table}", cursor.fetchone()[0]

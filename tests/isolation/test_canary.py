"""A whole chat with unique words; then every place is searched that must not hold them.

Searched are the tables of both databases, what passed through Valkey, and every file that was
written meanwhile: logs, the data folder, PostgreSQL's data and write-ahead log, Valkey's folder,
the folder for temporary files, the project itself. Left out is one thing: the mail that brings the
lead to the dealer. It is the delivery, and its folder stands for a mailbox on another machine.
"""

from __future__ import annotations

import email
import email.policy
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from psycopg import sql
from pytest_django import Settings

from chat.models import Conversation, Event, LeadRevision
from config.embedded import postgres
from config.embedded.state import load_state
from crm_sync.actions import connections as crm_connections
from crm_sync.models import Attempt, Delivery
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import User
from tests import services
from tests.cast import Cast
from tests.chat.live.clients import DeskClient, VisitorClient
from tests.crm_sync.doubles import HttpDouble, http_double, only_part, status
from tests.isolation.thief import files_with, holds
from tests.servers import PROJECT, Daphne, Worker, free_port
from tests.waiting import until

pytestmark = pytest.mark.real_commits

PAGE = "https://www.acme.example/cars/?for="
DEALER = "leads@dealer.example"


@pytest.fixture
def mark() -> str:
    """What every word begins with; in no dictionary."""
    return f"zq{uuid.uuid4().hex[:12]}"


@pytest.fixture
def words(mark: str) -> dict[str, str]:
    """One word for each place in which a person can write."""
    places = ("name", "email", "message", "answer", "note", "lead", "page", "title", "offline")
    return {place: mark + place for place in places}


@pytest.fixture
def mailbox(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """The dealer's: every mail sent meanwhile is a file in it."""
    folder = tmp_path / "dealer"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "config.mail_sink"),
            *("--port", str(settings.EMAIL_PORT), "--folder", str(folder)),
        ],
        cwd=PROJECT,
    )
    until(lambda: _listens(settings.EMAIL_PORT))
    yield folder
    server.terminate()
    server.wait(10)


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
    cast: Cast,
    mark: str,
    words: dict[str, str],
    overheard: Path,
    mailbox: Path,
    settings: Settings,
    tmp_path: Path,
) -> None:
    # File systems keep times a little coarser than the clock.
    started = time.time() - 1
    mail = {"EMAIL_HOST": settings.EMAIL_HOST, "EMAIL_PORT": str(settings.EMAIL_PORT)}
    served = Daphne(log=tmp_path / "daphne.log", environment=mail).start()
    worker = Worker(log=tmp_path / "worker.log", environment=mail).start()
    try:
        with http_double() as crm:
            _link(cast, crm)
            # From now on it fails, and repeats to us what it was sent.
            crm.answers = [status(500, words["lead"].encode())]
            tests_of_links = set(mailbox.iterdir())
            _chat(cast, served, words)
            until(lambda: _both_were_tried(cast), seconds=30)
    finally:
        worker.stop()
        served.stop()
    _everything_was_stored(cast, words)
    (delivery,) = set(mailbox.iterdir()) - tests_of_links
    _is_the_lead(delivery, words)
    # Something that may stand in the database as it is.
    plain = f"zp{uuid.uuid4().hex[:12]}"
    User.objects.filter(pk=cast.otto.pk).update(name=plain)
    _write_all_to_disk()

    tables = dict(_tables())
    assert [name for name, text in tables.items() if holds(text.encode(), mark)] == []
    folders = {Path(tempfile.gettempdir()), settings.DATA_DIR, PROJECT, *_server_folders()}
    assert files_with(mark, folders, since=started) - {delivery} == set()

    # The search itself works: what may stand there is found there.
    assert files_with(mark, [tmp_path], since=started) == {delivery}
    company = str(cast.acme.id)
    assert files_with(company, [tmp_path], since=started) == {
        tmp_path / "daphne.log",
        tmp_path / "worker.log",
        overheard,
    }
    assert company in tables["public.tenants_auditevent"]
    assert plain in tables["public.tenants_user"]
    for folder in _server_folders():
        found = files_with(plain, [folder / "postgres"], since=started)
        assert {"base", "pg_wal"} <= {part for path in found for part in path.parts}


def _link(cast: Cast, crm: HttpDouble) -> None:
    wanted = {
        "webhook": {"url": crm.url, "transcript": "yes"},
        "adf": {
            "transport": "email",
            "target": DEALER,
            "vendor_name": cast.acme.name,
            "comments_limit": "4000",
        },
    }
    with in_company(cast.acme):
        for connector, values in wanted.items():
            made = crm_connections.create(
                company=cast.acme, actor=SYSTEM, connector=connector, name="CRM", values=values
            )
            crm_connections.send_test_lead(company=cast.acme, actor=SYSTEM, connection_id=made.pk)
            crm_connections.activate(company=cast.acme, actor=SYSTEM, connection_id=made.pk)


def _chat(cast: Cast, served: Daphne, words: dict[str, str]) -> None:
    agent = DeskClient(served, cast.amir)
    agent.available()
    visitor = VisitorClient(served, cast.acme)
    visitor.send("page", url=PAGE + words["page"], title=words["title"])
    person = {"name": words["name"], "email": f"{words['email']}@visitors.example"}
    visitor.start(words["message"], **person)
    key = agent.accept()
    assert agent.say(key, words["answer"])["type"] == "ack"
    assert agent.say(key, words["note"], note=True)["type"] == "ack"
    lead = {**person, "notes": words["lead"]}
    saved = agent.ask("lead.save", conversation=key, version=0, fields=lead)
    assert saved["type"] == "ack", saved
    # What is refused may be quoted in an error, and errors are logged.
    visitor.send_text('{"type": "message.send", "text": "' + words["message"] + '", ')
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


def _both_were_tried(cast: Cast) -> bool:
    with in_company(cast.acme):
        tried = Attempt.objects.filter(delivery__connection__connector="webhook")
        mailed = Delivery.objects.filter(connection__connector="adf", state="delivered")
        return tried.exclude(outcome="").exists() and mailed.exists()


def _everything_was_stored(cast: Cast, words: dict[str, str]) -> None:
    """What is searched for was really there: read through the fields, it is readable."""
    with in_company(cast.acme):
        said = " ".join(event.body for event in Event.objects.all())
        leads = " ".join(revision.payload for revision in LeadRevision.objects.all())
        assert Conversation.objects.get().visitor.name == words["name"]
    for place in ("message", "answer", "note"):
        assert words[place] in said
    assert words["lead"] in leads


def _is_the_lead(delivery: Path, words: dict[str, str]) -> None:
    """It went to the dealer, with what a dealer is sent: what agents note for each other is not."""
    mail = email.message_from_bytes(delivery.read_bytes(), policy=email.policy.default)
    assert mail["to"] == DEALER
    text = only_part(mail).decode()
    sent = {place for place, word in words.items() if word in text}
    assert sent == {"name", "email", "message", "answer", "lead", "page", "title"}


def _write_all_to_disk() -> None:
    """Have our PostgreSQL write out everything it holds in memory."""
    if not _server_folders():
        return
    state = load_state(settings.DATA_DIR)
    assert state is not None
    with psycopg.connect(
        host="127.0.0.1",
        port=state.postgres_port,
        dbname="postgres",
        user=postgres.ADMIN,
        password=state.admin_password,
        autocommit=True,
    ) as admin:
        admin.execute("CHECKPOINT")


def _server_folders() -> list[Path]:
    """Where our servers keep their files; those of servers that are not ours are out of reach."""
    if not services.are_ours():
        return []
    state = load_state(settings.DATA_DIR)
    assert state is not None
    assert state.home is not None
    return [Path(state.home)]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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

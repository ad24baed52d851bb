import asyncio
import smtplib
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from config import mail_sink
from crm_sync.actions import connections
from crm_sync.samples import sample_lead
from tenants.context import in_company
from tests.cast import Cast
from tests.crm_sync import builders
from tests.servers import PROJECT, free_port, process_environment


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def sink(folder: Path) -> Iterator[int]:
    """The real sink in a thread of its own; the port it takes mail on."""
    port, loop, stopped = free_port(), asyncio.new_event_loop(), asyncio.Event()
    serving = mail_sink.serve(port, folder / "mail", stopped)
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    yield port
    loop.call_soon_threadsafe(stopped.set)
    thread.join(5)
    loop.close()


def _send(port: int, subject: str) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=5) as smtp:
                smtp.sendmail(
                    "a@switchboard.example",
                    ["b@dealer.example"],
                    f"Subject: {subject}\r\nTo: b@dealer.example\r\n\r\n<b>{subject}</b>\r\n",
                )
                return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.django_db
def test_a_mail_to_the_sink_can_be_opened_in_the_browser(
    cast: Cast, sink: int, folder: Path, client_for: Callable[..., Client]
) -> None:
    _send(sink, "Hello sink")
    [path] = (folder / "mail").glob("*.eml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    client = client_for(None)
    page = client.get("/dev/mail/").content.decode()
    assert "Hello sink" in page
    assert "b@dealer.example" in page
    opened = client.get(f"/dev/mail/{path.stem}/").content.decode()
    assert "&lt;b&gt;Hello sink&lt;/b&gt;" in opened
    assert client.get("/dev/mail/1/").status_code == 404


def test_only_the_last_fifty_are_kept(tmp_path: Path) -> None:
    for number in range(55):
        mail_sink.keep(tmp_path, str(number).encode(), ".eml")
    found = mail_sink.kept(tmp_path, ".eml")
    assert [path.read_bytes() for path in found] == [str(n).encode() for n in range(54, 4, -1)]


def test_the_sink_refuses_to_run_in_production() -> None:
    keys = django_settings.FIELD_ENCRYPTION_KEY[0]
    environment = process_environment(
        DEVELOPMENT="0", SECRET_KEY="x" * 60, FIELD_ENCRYPTION_KEY=keys, PLATFORM_HOSTS="a.example"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "config.mail_sink"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "The mail sink is for development." in ended.stderr


@pytest.mark.django_db
def test_the_receiver_takes_what_a_connection_signed_and_nothing_else(
    cast: Cast, folder: Path, client_for: Callable[..., Client]
) -> None:
    with in_company(cast.globex):
        link = builders.webhook(cast.globex, "http://localhost:8000/dev/webhook/")
        outgoing, _ = connections.preview(company=cast.globex, connection=link)
    client = client_for(None)
    headers = {name: value for name, value in outgoing.headers.items() if name != "content-type"}

    def post(body: bytes) -> int:
        answer = client.post(
            "/dev/webhook/", body, content_type="application/json", headers=headers
        )
        return answer.status_code

    assert post(outgoing.body + b" ") == 401
    assert list((folder / "webhooks").glob("*")) == []
    assert post(outgoing.body) == 204
    page = client.get("/dev/webhook/").content.decode()
    assert cast.globex.name in page
    assert "test.lead@example.com" in page


def test_the_sample_is_marked_as_a_test(cast: Cast) -> None:
    lead = sample_lead(cast.acme, builders.NOON)
    assert lead.test is True
    assert lead.contact.email.endswith("@example.com")

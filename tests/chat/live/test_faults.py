"""What people were told is stored stays stored and shown: through kill -9, and without Valkey."""

import asyncio
import base64
import contextlib
import json
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from django.conf import settings
from django.db import transaction

from chat.actions import events
from chat.live.streams import SWEEP_SECONDS
from chat.models import Event
from tenants.context import in_company
from tests.benchmarks.live.parties import make_agents
from tests.cast import Cast
from tests.chat.live.clients import VisitorClient, session_of
from tests.chat.live.crowd import Chat, Crowd, Screen, store_conversations
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits

CONVERSATIONS, AGENTS, ROUNDS = 200, 20, 3
FAST = {"SOCKET_RATE_FACTOR": "1000"}


class Gate:
    """A port in front of Valkey that can be shut, as if the server were gone, and opened again."""

    def __init__(self) -> None:
        target = urlsplit(settings.REDIS_URL)
        self._target = (target.hostname or "127.0.0.1", target.port or 6379)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = True
        self._pairs: list[socket.socket] = []
        place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        login = target.netloc.rpartition("@")[0]
        netloc = f"{login}@{place}" if login else place
        self.url = urlunsplit(target._replace(netloc=netloc))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._open:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._pairs += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def shut(self) -> None:
        self._open = False
        for end in self._pairs:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def open(self) -> None:
        self._open = True

    def close(self) -> None:
        self.shut()
        self._listener.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.close()


def test_killed_and_flushed_in_mid_chat_nothing_acked_is_lost_or_doubled(
    cast: Cast, tmp_path: Path
) -> None:
    """200 conversations of 20 agents, both sides talking all the while."""
    server = Daphne(environment=FAST, log=tmp_path / "daphne.log").start()
    companies = [cast.acme, cast.globex]
    cookies = dict(make_agents(companies, AGENTS))
    chats = store_conversations(companies, list(cookies), CONVERSATIONS)

    async def story() -> list[tuple[Chat, Screen, Screen]]:
        crowd = Crowd(server, chats, cookies)
        await crowd.all_ready()
        talking = asyncio.create_task(crowd.talk(ROUNDS - 1, 0.1, "story", notes=True))
        await crowd.acked_so_far(CONVERSATIONS * ROUNDS, 30)
        # Frozen first: the round that is sent from then on is under way when it dies.
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        await crowd.talk(1, 0, "frozen", notes=True)
        await asyncio.to_thread(server.kill)
        await crowd.all_cut(10)
        before, in_flight = crowd.acked(), crowd.in_flight()
        await asyncio.to_thread(_flush_valkey)
        await asyncio.to_thread(server.start)
        await talking
        await crowd.settle(60)
        assert len(in_flight) >= CONVERSATIONS * 3
        crowd.check(lines=ROUNDS * 2, notes=ROUNDS)
        assert before | in_flight <= crowd.acked()
        await crowd.stop()
        return crowd.screens()

    try:
        screens = asyncio.run(story())
    finally:
        server.kill()
    for chat, mine, theirs in screens:
        with in_company(chat.company):
            stored = list(Event.objects.filter(conversation=uuid.UUID(chat.id)).order_by("seq"))
        assert [event.seq for event in stored] == list(range(1, theirs.last + 1))
        assert [str(event.client_id) for event in stored] == [said.id for said in theirs.shown]
        to_visitor = [event for event in stored if event.visitor_seq is not None]
        assert [event.visitor_seq for event in to_visitor] == list(range(1, mine.last + 1))
        assert [str(event.client_id) for event in to_visitor] == [said.id for said in mine.shown]


def test_without_valkey_two_servers_ack_at_once_and_deliver_within_20_seconds(
    cast: Cast, tmp_path: Path, gate: Gate
) -> None:
    environment = {**FAST, "REDIS_URL": gate.url}
    one = Daphne(environment=environment, log=tmp_path / "one.log").start()
    two = Daphne(environment=environment, log=tmp_path / "two.log").start()
    chats = store_conversations([cast.acme, cast.globex], [cast.ana], 4)
    cookies = {cast.ana: session_of(cast.ana)}

    async def story() -> None:
        crowd = Crowd(one, chats, cookies, desk_server=two)
        await crowd.all_ready()
        await crowd.talk(1, 0.1, "with")
        await crowd.settle(10)
        gate.shut()
        await crowd.talk(2, 0.2, "without")
        await crowd.all_acked(10)
        await crowd.settle(20)
        gate.open()
        await asyncio.sleep(6)
        # By hints once more: in less than a sweep's period each of the two servers sweeps once at
        # most, which could bring two of these rounds, not three.
        async with asyncio.timeout(SWEEP_SECONDS - 0.5):
            for number in range(3):
                await crowd.talk(1, 0.1, f"again {number}")
                await crowd.settle(10)
        crowd.check(lines=12)
        await crowd.stop()

    try:
        asyncio.run(story())
    finally:
        one.stop()
        two.stop()


def test_a_stopping_server_says_when_to_come_back(cast: Cast, tmp_path: Path) -> None:
    server = Daphne(environment=FAST, log=tmp_path / "daphne.log").start()
    visitor = VisitorClient(server, cast.acme)
    server.stop()
    assert visitor.closed_with() == 4012
    assert visitor.frames[-1]["type"] == "reconnect"
    assert 0 < visitor.frames[-1]["after"] < 5


def test_a_client_that_does_not_read_is_cut_off(cast: Cast, served: Daphne) -> None:
    """It asks for 12 MB and reads none of it: the server keeps 1 MB, then ends it."""
    (chat,) = store_conversations([cast.acme], [cast.ana], 1)
    with in_company(chat.company), transaction.atomic():
        for number in range(300):
            events.append(
                conversation_id=uuid.UUID(chat.id),
                kind=Event.Kind.MESSAGE,
                author_kind=Event.AuthorKind.SYSTEM,
                author_id=None,
                body={"author": {"kind": "system"}, "text": f"{number} " + "x" * 3990},
            )
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", served.port))
    host = served.host(chat.company)
    raw.sendall(
        f"GET /ws/visitor/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n".encode()
    )
    resume = {"conversation": chat.id, "after": 0}
    raw.sendall(_masked({"type": "hello", "token": chat.token, "resume": resume}))
    for _ in range(10):
        raw.sendall(_masked({"type": "resume", **resume}))
    time.sleep(4)
    raw.settimeout(10)
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while data := raw.recv(1 << 20):
            received += len(data)
    raw.close()
    assert received < 9_000_000
    other = VisitorClient(served, cast.acme)
    other.send("ping")
    assert other.wait_for("pong")
    other.close()


def _masked(frame: dict[str, object]) -> bytes:
    """A client's text frame (RFC 6455, section 5.2), masked with zeroes."""
    payload = json.dumps(frame).encode()
    assert 126 <= len(payload) < 65536 or len(payload) < 126
    if len(payload) < 126:
        return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload
    return bytes([0x81, 0xFE]) + len(payload).to_bytes(2, "big") + bytes(4) + payload


def _flush_valkey() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    for key in client.scan_iter(f"*{settings.REDIS_PREFIX}*"):
        client.delete(key)
    client.client_kill_filter(_type="pubsub")
    client.close()

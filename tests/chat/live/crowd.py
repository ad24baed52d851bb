"""Many conversations at once over real sockets; their screens are compared with what was acked."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from django.utils import timezone
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from chat.models import Conversation
from tenants.context import in_company
from tenants.models import User
from tenants.resolution import CompanyRef
from tests.chat.live.clients import make_visitor
from tests.servers import Daphne

Frame = dict[str, Any]
_RETRY = 0.2


class Screen:
    """One side of one conversation: what it holds, by seq; what it sent and what was acked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last = 0
        self.shown: list[str] = []
        self.unsent: dict[str, str] = {}
        self.acked: list[str] = []
        self.doubled: list[str] = []

    def apply(self, seq: int, text: str | None) -> bool:
        """Show an event in its turn; False for a gap."""
        if seq <= self.last:
            return True
        if seq > self.last + 1:
            return False
        self.last = seq
        if text is not None:
            if text in self.shown:
                self.doubled.append(text)
            self.shown.append(text)
        return True


class Client:
    """A socket that comes back, with an outbox: the client's half of the protocol, nothing more."""

    def __init__(
        self, server: Daphne, host: Callable[[], str], path: str, cookie: str = ""
    ) -> None:
        self.server, self.host, self.path, self.cookie = server, host, path, cookie
        self.screens: dict[str, Screen] = {}
        self.connection: ClientConnection | None = None
        self.ready = asyncio.Event()
        self.task = asyncio.create_task(self._stay())

    def hello(self) -> Frame:
        raise NotImplementedError

    async def send(self, key: str, text: str) -> None:
        """Put a message into the outbox, and on the wire where there is one."""
        frame_id = str(uuid.uuid4())
        self.screens[key].unsent[frame_id] = text
        await self._write(self._message(key, frame_id, text))

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    @staticmethod
    def _message(key: str, frame_id: str, text: str) -> Frame:
        return {"type": "message.send", "id": frame_id, "conversation": key, "text": text}

    async def _write(self, frame: Frame) -> None:
        if self.connection is not None and self.ready.is_set():
            with contextlib.suppress(ConnectionClosed):
                await self.connection.send(json.dumps(frame))

    async def _stay(self) -> None:
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                await self._once()
            self.ready.clear()
            await asyncio.sleep(_RETRY)

    async def _once(self) -> None:
        host = self.host()
        headers = {"Cookie": self.cookie} if self.cookie else {}
        async with connect(
            f"ws://{host}{self.path}",
            host="127.0.0.1",
            port=self.server.port,
            origin=Origin(f"http://{host}"),
            additional_headers=headers,
            compression=None,
            open_timeout=10,
            ping_interval=None,
        ) as self.connection:
            await self.connection.send(json.dumps(self.hello()))
            async for text in self.connection:
                await self._got(json.loads(text))

    async def _got(self, frame: Frame) -> None:
        kind = frame["type"]
        if kind == "welcome":
            self.ready.set()
            for key, screen in self.screens.items():
                for frame_id, text in list(screen.unsent.items()):
                    await self._write(self._message(key, frame_id, text))
        elif kind == "ack" and frame.get("conversation") in self.screens:
            screen = self.screens[frame["conversation"]]
            if frame["id"] in screen.unsent:
                text = screen.unsent.pop(frame["id"])
                screen.acked.append(text)
                await self._show(frame["conversation"], frame["seq"], text)
        elif kind == "error":
            await asyncio.sleep(frame.get("retry_after") or 0.2)
            for key, screen in self.screens.items():
                if frame.get("id") in screen.unsent:
                    text = screen.unsent[frame["id"]]
                    await self._write(self._message(key, frame["id"], text))
        elif "seq" in frame and kind != "seen":
            await self._show(frame["conversation"], frame["seq"], frame.get("text"))

    async def _show(self, key: str, seq: int, text: str | None) -> None:
        screen = self.screens[key]
        if not screen.apply(seq, text):
            await self._write({"type": "resume", "conversation": key, "after": screen.last})


class VisitorInCrowd(Client):
    def __init__(self, server: Daphne, company: CompanyRef, conversation: str, token: str) -> None:
        self.conversation, self.token = conversation, token
        super().__init__(server, lambda: server.host(company), "/ws/visitor/")
        self.screens[conversation] = Screen(f"visitor {conversation}")

    def hello(self) -> Frame:
        after = self.screens[self.conversation].last
        resume = {"conversation": self.conversation, "after": after}
        return {"type": "hello", "token": self.token, "resume": resume}


class AgentInCrowd(Client):
    def __init__(self, server: Daphne, user: User, keys: list[str], cookie: str) -> None:
        super().__init__(server, server.host, "/ws/desk/", cookie)
        self.screens = {key: Screen(f"desk {key}") for key in keys}

    def hello(self) -> Frame:
        return {"type": "hello", "resume": {k: s.last for k, s in self.screens.items()}}


def store_conversations(
    companies: list[CompanyRef], agent: User, count: int
) -> list[tuple[CompanyRef, str, str]]:
    """Conversations with the agent, already assigned: (company, id, the visitor's token)."""
    made = []
    for number in range(count):
        company = companies[number % len(companies)]
        visitor_id, token = make_visitor(company, f"Visitor {number}")
        with in_company(company):
            conversation = Conversation.objects.create(
                visitor_id=visitor_id,
                start_id=uuid.uuid4(),
                phase="during",
                started_at=timezone.now(),
                state="assigned",
                agent=agent,
                assigned_at=timezone.now(),
            )
        made.append((company, str(conversation.pk), token))
    return made


class Crowd:
    """Visitors of several companies and the one agent they all talk to."""

    def __init__(
        self,
        server: Daphne,
        agent: User,
        made: list[tuple[CompanyRef, str, str]],
        cookie: str,
        desk_server: Daphne | None = None,
    ) -> None:
        self.visitors = [VisitorInCrowd(server, c, pk, token) for c, pk, token in made]
        self.keys = [f"{c.slug}/{pk}" for c, pk, _ in made]
        self.desk = AgentInCrowd(desk_server or server, agent, self.keys, cookie)

    async def all_ready(self) -> None:
        async with asyncio.timeout(60):
            for client in (*self.visitors, self.desk):
                await client.ready.wait()

    async def talk(self, rounds: int, pause: float, label: str) -> None:
        """Every visitor and the agent in each conversation say one line a round."""
        for number in range(rounds):
            for visitor, key in zip(self.visitors, self.keys, strict=True):
                await visitor.send(visitor.conversation, f"{label} v{number} {key}")
                await self.desk.send(key, f"{label} a{number} {key}")
            await asyncio.sleep(pause)

    def is_settled(self) -> bool:
        """Nothing unsent, and both screens of each conversation show the same."""
        return all(
            not mine.unsent and not theirs.unsent and mine.shown == theirs.shown
            for mine, theirs in self.screens()
        )

    def screens(self) -> list[tuple[Screen, Screen]]:
        return [
            (visitor.screens[visitor.conversation], self.desk.screens[key])
            for visitor, key in zip(self.visitors, self.keys, strict=True)
        ]

    async def all_acked(self, seconds: float) -> None:
        await _until(lambda: not any(a.unsent or b.unsent for a, b in self.screens()), seconds)

    async def settle(self, seconds: float) -> None:
        """Wait until nothing is unsent and both screens of each conversation show the same."""
        await _until(self.is_settled, seconds)

    def check(self, lines: int) -> None:
        """Every acked message on both screens, none twice, `lines` in each conversation."""
        for mine, theirs in self.screens():
            assert mine.doubled == theirs.doubled == []
            assert set(mine.acked) | set(theirs.acked) == set(mine.shown) == set(theirs.shown)
            assert len(mine.shown) == len(theirs.shown) == lines
            own_key = theirs.name.removeprefix("desk ")
            assert all(text.endswith(own_key) for text in mine.shown)

    async def stop(self) -> None:
        await asyncio.gather(*(client.stop() for client in (*self.visitors, self.desk)))


async def _until(check: Callable[[], bool], seconds: float) -> None:
    for _ in range(int(seconds / 0.1)):
        if check():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("It did not come about in time.")

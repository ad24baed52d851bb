"""Many conversations at once over real sockets; their screens are compared with what was acked."""

import abc
import asyncio
import contextlib
import dataclasses
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin

from tenants.models import User
from tenants.resolution import CompanyRef
from tests.chat.desk.builders import conversation
from tests.chat.live.clients import token_of
from tests.servers import Daphne
from tests.waiting import until_async

Frame = dict[str, Any]
_RETRY = 0.2


@dataclasses.dataclass(frozen=True)
class Shown:
    """A message or note as it stands on a screen; `id` is that of the frame that sent it."""

    id: str
    text: str
    is_note: bool = False


class Screen:
    """One side of one conversation: what it holds, by seq; what it sent and what was acked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last = 0
        self.shown: list[Shown] = []
        self.unsent: dict[str, Frame] = {}
        self.acked: set[str] = set()

    def apply(self, seq: int, said: Shown | None) -> bool:
        """Show an event in its turn; False for a gap."""
        if seq <= self.last:
            return True
        if seq > self.last + 1:
            return False
        self.last = seq
        if said is not None:
            self.shown.append(said)
        return True


class Client(abc.ABC):
    """A socket that comes back, with an outbox: the client's half of the protocol, nothing more."""

    def __init__(
        self, server: Daphne, host: Callable[[], str], path: str, cookie: str = ""
    ) -> None:
        self.server, self.host, self.path, self.cookie = server, host, path, cookie
        self.screens: dict[str, Screen] = {}
        # The ids of the frames that went into a socket, once or more.
        self.written: set[str] = set()
        self.connection: ClientConnection | None = None
        self.ready = asyncio.Event()
        self.task = asyncio.create_task(self._stay())

    @abc.abstractmethod
    def hello(self) -> Frame: ...

    async def send(self, key: str, text: str, *, note: bool = False) -> None:
        """Put a message into the outbox, and on the wire where there is one."""
        frame_id = str(uuid.uuid4())
        frame: Frame = {"type": "message.send", "id": frame_id, "conversation": key, "text": text}
        if note:
            frame["note"] = True
        self.screens[key].unsent[frame_id] = frame
        await self._write(frame)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _write(self, frame: Frame) -> None:
        if self.connection is not None and self.ready.is_set():
            with contextlib.suppress(ConnectionClosed):
                await self.connection.send(json.dumps(frame))
                self.written.add(frame.get("id", ""))

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
            open_timeout=30,
            ping_interval=None,
        ) as self.connection:
            await self.connection.send(json.dumps(self.hello()))
            async for text in self.connection:
                await self._got(json.loads(text))

    async def _got(self, frame: Frame) -> None:
        kind = frame["type"]
        if kind == "welcome":
            self.ready.set()
            for screen in self.screens.values():
                for waiting in list(screen.unsent.values()):
                    await self._write(waiting)
        elif kind == "ack" and frame.get("conversation") in self.screens:
            screen = self.screens[frame["conversation"]]
            sent = screen.unsent.pop(frame["id"], None)
            if sent is not None:
                screen.acked.add(frame["id"])
                said = Shown(frame["id"], sent["text"], sent.get("note", False))
                await self._show(frame["conversation"], frame["seq"], said)
        elif kind == "error":
            await asyncio.sleep(frame.get("retry_after") or 0.2)
            for screen in self.screens.values():
                if frame.get("id") in screen.unsent:
                    await self._write(screen.unsent[frame["id"]])
        elif kind == "message":
            said = Shown(frame["id"], frame["text"], frame.get("note", False))
            await self._show(frame["conversation"], frame["seq"], said)
        elif "seq" in frame and kind != "seen":
            await self._show(frame["conversation"], frame["seq"], None)

    async def _show(self, key: str, seq: int, said: Shown | None) -> None:
        screen = self.screens[key]
        if not screen.apply(seq, said):
            await self._write({"type": "resume", "conversation": key, "after": screen.last})


@dataclasses.dataclass(frozen=True)
class Chat:
    """A stored conversation that an agent holds; `token` is the visitor's."""

    company: CompanyRef
    id: str
    token: str
    agent: User

    @property
    def key(self) -> str:
        return f"{self.company.slug}/{self.id}"


class VisitorInCrowd(Client):
    def __init__(self, server: Daphne, chat: Chat) -> None:
        self.chat = chat
        super().__init__(server, lambda: server.host(chat.company), "/ws/visitor/")
        self.screens[chat.id] = Screen(f"visitor {chat.id}")

    def hello(self) -> Frame:
        resume = {"conversation": self.chat.id, "after": self.screens[self.chat.id].last}
        return {"type": "hello", "token": self.chat.token, "resume": resume}


class AgentInCrowd(Client):
    def __init__(self, server: Daphne, keys: list[str], cookie: str) -> None:
        super().__init__(server, server.host, "/ws/desk/", cookie)
        self.screens = {key: Screen(f"desk {key}") for key in keys}

    def hello(self) -> Frame:
        return {"type": "hello", "resume": {k: s.last for k, s in self.screens.items()}}


def store_conversations(companies: list[CompanyRef], agents: list[User], count: int) -> list[Chat]:
    """Conversations already assigned: each agent has as many, of all companies in turn."""
    made = []
    for number in range(count):
        company = companies[number % len(companies)]
        agent = agents[number * len(agents) // count]
        stored = conversation(company, agent=agent, name=f"Visitor {number}", said=())
        made.append(Chat(company, str(stored.pk), token_of(company, stored), agent))
    return made


class Crowd:
    """The visitors of the chats and the agents who hold them; `cookies` by agent."""

    def __init__(
        self,
        server: Daphne,
        chats: list[Chat],
        cookies: Mapping[User, str],
        desk_server: Daphne | None = None,
    ) -> None:
        self.chats = chats
        self.visitors = {chat: VisitorInCrowd(server, chat) for chat in chats}
        self.desks = {
            agent: AgentInCrowd(
                desk_server or server, [chat.key for chat in chats if chat.agent == agent], cookie
            )
            for agent, cookie in cookies.items()
        }

    @property
    def clients(self) -> list[Client]:
        return [*self.visitors.values(), *self.desks.values()]

    async def all_ready(self) -> None:
        async with asyncio.timeout(60):
            for client in self.clients:
                await client.ready.wait()

    async def all_cut(self, seconds: float) -> None:
        await until_async(
            lambda: not any(client.ready.is_set() for client in self.clients), seconds=seconds
        )

    async def talk(self, rounds: int, pause: float, label: str, *, notes: bool = False) -> None:
        """In each conversation visitor and agent say one line a round; `notes`: and one aside."""
        for number in range(rounds):
            for chat in self.chats:
                desk = self.desks[chat.agent]
                await self.visitors[chat].send(chat.id, f"{label} v{number} {chat.key}")
                await desk.send(chat.key, f"{label} a{number} {chat.key}")
                if notes:
                    await desk.send(chat.key, f"{label} n{number} {chat.key}", note=True)
                # Answers are read between one conversation and the next.
                await asyncio.sleep(0.002)
            await asyncio.sleep(pause)

    def screens(self) -> list[tuple[Chat, Screen, Screen]]:
        """Each chat with its visitor's and its agent's screen."""
        return [
            (chat, self.visitors[chat].screens[chat.id], self.desks[chat.agent].screens[chat.key])
            for chat in self.chats
        ]

    def acked(self) -> set[str]:
        return {one for _, mine, theirs in self.screens() for one in mine.acked | theirs.acked}

    def in_flight(self) -> set[str]:
        """What was written into a socket and not acked."""
        return {one for client in self.clients for one in client.written} - self.acked() - {""}

    async def acked_so_far(self, count: int, seconds: float) -> None:
        await until_async(lambda: len(self.acked()) >= count, seconds=seconds)

    async def all_acked(self, seconds: float) -> None:
        await until_async(
            lambda: not any(a.unsent or b.unsent for _, a, b in self.screens()), seconds=seconds
        )

    async def settle(self, seconds: float) -> None:
        """Wait until nothing is unsent and both screens of each conversation show the same."""
        await until_async(self._is_settled, seconds=seconds)

    def check(self, lines: int, notes: int = 0) -> None:
        """Every acked message on both screens, none twice, the notes on the desk's alone."""
        for chat, mine, theirs in self.screens():
            for screen in (mine, theirs):
                assert len({said.id for said in screen.shown}) == len(screen.shown), screen.name
                assert len({said.text for said in screen.shown}) == len(screen.shown), screen.name
            assert mine.shown == _without_notes(theirs)
            assert mine.acked | theirs.acked == {said.id for said in theirs.shown}
            assert len(mine.shown) == lines
            assert len(theirs.shown) == lines + notes
            assert all(said.text.endswith(chat.key) for said in theirs.shown)

    async def stop(self) -> None:
        await asyncio.gather(*(client.stop() for client in self.clients))

    def _is_settled(self) -> bool:
        return all(
            not mine.unsent
            and not theirs.unsent
            and mine.acked | theirs.acked == {said.id for said in theirs.shown}
            and mine.shown == _without_notes(theirs)
            for _, mine, theirs in self.screens()
        )


def _without_notes(screen: Screen) -> list[Shown]:
    return [said for said in screen.shown if not said.is_note]

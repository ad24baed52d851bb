"""Clients of the live protocol for tests: real sockets to a real server."""

import json
import secrets
import socket
import time
import uuid
from typing import Any

from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from chat import visitor_token
from chat.models import Conversation, Visit, Visitor
from tenants.context import in_company
from tenants.models import User
from tenants.resolution import CompanyRef
from tests.servers import Daphne

Frame = dict[str, Any]
LOGIN_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def website_of(company: CompanyRef) -> str:
    """The website that the company allowed before each test."""
    return f"https://www.{company.slug}.example"


def make_visitor(
    company: CompanyRef, name: str = "", *, website: str = ""
) -> tuple[uuid.UUID, str]:
    """A stored visitor of the company; their id and a token."""
    with in_company(company):
        visitor = Visitor.objects.create(secret_digest=secrets.token_hex(32), name=name)
        visit = Visit.objects.create(visitor=visitor, origin=website or website_of(company))
        return visitor.pk, visitor_token.issue(company, visitor.pk, visit.pk, visit.origin)


def token_of(company: CompanyRef, conversation: Conversation, *, website: str = "") -> str:
    """A token of the visitor of a stored conversation."""
    visit_id = conversation.visit_id
    assert visit_id is not None
    origin = website or website_of(company)
    return visitor_token.issue(company, conversation.visitor_id, visit_id, origin)


def session_of(user: User) -> str:
    """The Cookie header of a signed-in person."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend=LOGIN_BACKEND)
    return cookies_of(client)


def cookies_of(client: Client) -> str:
    """The Cookie header of a test client."""
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


class Socket:
    """One socket. Keeps every frame it got, in order."""

    def __init__(
        self, server: Daphne, host: str, path: str, *, origin: str | None = "", cookie: str = ""
    ) -> None:
        self.frames: list[Frame] = []
        self.connection: ClientConnection = connect(
            f"ws://{host}{path}",
            sock=socket.create_connection(("127.0.0.1", server.port), timeout=20),
            origin=None if origin is None else Origin(origin or f"http://{host}"),
            additional_headers={"Cookie": cookie} if cookie else {},
            compression=None,
            open_timeout=20,
            legacy=True,
        )

    def send(self, type_: str, **fields: Any) -> str:
        """Send a frame of this type; return its id (made where it is not given)."""
        fields.setdefault("id", str(uuid.uuid4()))
        self.connection.send(json.dumps({"type": type_, **fields}, default=str))
        return str(fields["id"])

    def send_text(self, text: str) -> None:
        self.connection.send(text)

    def receive(self, timeout: float = 10.0) -> Frame:
        frame: Frame = json.loads(self.connection.recv(timeout=timeout))
        self.frames.append(frame)
        return frame

    def wait_for(self, type_: str, timeout: float = 10.0, **fields: Any) -> Frame:
        """The next frame of this type with these fields; TimeoutError when none comes."""
        until = time.monotonic() + timeout
        while True:
            frame = self.receive(max(until - time.monotonic(), 0.001))
            if frame["type"] == type_ and all(frame.get(k) == v for k, v in fields.items()):
                return frame

    def first(self, type_: str) -> Frame:
        """The first frame of this type among those that came, else the next."""
        came = (frame for frame in self.frames if frame["type"] == type_)
        return next(came, None) or self.wait_for(type_)

    def ask(self, type_: str, **fields: Any) -> Frame:
        """Send a frame and return its ack or error."""
        frame_id = self.send(type_, **fields)
        while True:
            frame = self.receive()
            if frame["type"] in ("ack", "error") and frame.get("id") == frame_id:
                return frame

    def refused(self, type_: str, **fields: Any) -> Frame:
        """Send a frame that carries no id; return the error it gets."""
        self.send(type_, **fields)
        return self.wait_for("error")

    def answers(self) -> list[Frame]:
        """What comes until a ping is answered, and so is all that was sent before it."""
        self.send("ping")
        frames = [self.receive()]
        while frames[-1]["type"] != "pong":
            frames.append(self.receive())
        return frames

    def drain(self, quiet: float = 0.3) -> list[Frame]:
        """Everything that comes until it was quiet for a while."""
        frames = []
        while True:
            try:
                frames.append(self.receive(quiet))
            except TimeoutError:
                return frames

    def closed_with(self, timeout: float = 10.0) -> int:
        """Wait for the server to close; return the code."""
        try:
            until = time.monotonic() + timeout
            while time.monotonic() < until:
                self.receive(timeout)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        raise TimeoutError("The socket stays open.")

    def close(self) -> None:
        self.connection.close()

    def messages(self, conversation: str | None = None) -> list[Frame]:
        return [
            frame
            for frame in self.frames
            if frame["type"] == "message" and conversation in (None, frame["conversation"])
        ]


class VisitorClient(Socket):
    """A visitor who said hello."""

    def __init__(
        self,
        server: Daphne,
        company: CompanyRef,
        token: str | None = None,
        *,
        resume: Frame | None = None,
        name: str = "",
    ) -> None:
        super().__init__(server, server.host(company), "/ws/visitor/")
        self.company = company
        if token is None:
            self.visitor_id, token = make_visitor(company, name)
        self.token = token
        self.send("hello", token=token, resume=resume)
        self.welcome = self.receive()

    def start(self, text: str = "Hello?", **fields: Any) -> str:
        """Start a conversation; return its id."""
        ack = self.ask("conversation.start", text=text, fields=fields)
        assert ack["type"] == "ack", ack
        return str(ack["conversation"])

    def say(self, conversation: str, text: str) -> Frame:
        return self.ask("message.send", conversation=conversation, text=text)


class DeskClient(Socket):
    """An agent or supervisor who said hello."""

    def __init__(
        self, server: Daphne, user: User, *, resume: Frame | None = None, cookie: str = ""
    ) -> None:
        super().__init__(server, server.host(), "/ws/desk/", cookie=cookie or session_of(user))
        self.send("hello", resume=resume or {})
        self.welcome = self.receive()

    def available(self) -> None:
        assert self.ask("status.set", status="available")["type"] == "ack"

    def accept(self) -> str:
        """Accept the next offer; return the conversation's key."""
        offer = self.first("offer")
        self.frames.remove(offer)
        ack = self.ask("offer.accept", offer=offer["offer"])
        assert ack["type"] == "ack", ack
        return str(ack["conversation"])

    def say(self, key: str, text: str, *, note: bool = False) -> Frame:
        return self.ask("message.send", conversation=key, text=text, note=note)

"""A client of the live protocol for tests: one socket, frames out and in, in order."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from chat import visitor_token
from chat.models import Visit, Visitor
from tenants.context import in_company
from tenants.models import User
from tenants.resolution import CompanyRef
from tests.servers import Daphne, session_cookie

Frame = dict[str, Any]


class Line:
    """An open socket; `frames` keeps everything that arrived."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[Frame] = []

    def send(self, type_: str, **fields: Any) -> str:
        """Send a frame with a fresh id (unless given one) and return the id."""
        frame = {"id": str(uuid.uuid4()), **fields, "type": type_}
        self.connection.send(json.dumps(frame))
        return str(frame["id"])

    def ask(self, type_: str, **fields: Any) -> Frame:
        """Send a frame and return its `ack` or `error`."""
        sent = self.send(type_, **fields)
        return self.wait_for(
            lambda f: f["type"] in ("ack", "error") and f.get("id") == sent, f"the ack of {type_}"
        )

    def wait_for_type(self, type_: str, **fields: Any) -> Frame:
        return self.wait_for(
            lambda f: f["type"] == type_ and all(f.get(k) == v for k, v in fields.items()), type_
        )

    def wait_for(self, wanted: Callable[[Frame], bool], what: str, seconds: float = 10) -> Frame:
        """The first frame, among those that arrived and those to come, that is wanted."""
        for arrived in self.frames:
            if wanted(arrived):
                return arrived
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame: Frame = json.loads(self.connection.recv(timeout=left))
            except TimeoutError:
                break
            self.frames.append(frame)
            if wanted(frame):
                return frame
        raise AssertionError(f"No {what} within {seconds} s; got {self.frames}")

    def close(self) -> None:
        self.connection.close()


def visitor_line(
    served: Daphne,
    company: CompanyRef,
    *,
    resume: Frame | None = None,
    visitor: Visitor | None = None,
) -> tuple[Line, Visitor]:
    """A socket of a (new) visitor of the company that has said hello and been welcomed."""
    origin = f"https://www.{company.slug}.example"
    with in_company(company):
        visitor = visitor or Visitor.objects.create(secret_digest=uuid.uuid4().hex)
        visit = Visit.objects.create(visitor=visitor, origin=origin)
    token = visitor_token.issue(company, visitor.pk, visit.pk, origin)
    line = Line(_open(served, served.host(company), "/ws/visitor/"))
    line.send("hello", token=token, resume=resume)
    line.wait_for_type("welcome")
    return line, visitor


def desk_line(served: Daphne, user: User, *, resume: dict[str, int] | None = None) -> Line:
    """A socket of an agent at the desk that has said hello and been welcomed."""
    name, value = session_cookie(user)
    line = Line(_open(served, served.host(), "/ws/desk/", {"Cookie": f"{name}={value}"}))
    line.send("hello", resume=resume or {})
    line.wait_for_type("welcome")
    return line


def _open(
    served: Daphne, host: str, path: str, headers: dict[str, str] | None = None
) -> ClientConnection:
    # The name of a company's host resolves in browsers only, so the socket is made here.
    return connect(
        f"ws://{host}{path}",
        sock=socket.create_connection(("127.0.0.1", served.port)),
        origin=Origin(f"http://{host}"),
        compression=None,
        additional_headers=headers,
    )

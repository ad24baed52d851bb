"""A visitor whose network lets no WebSocket through: plain HTTP requests to a real server."""

import dataclasses
import http.client
import json
import threading
import time
import uuid
from typing import Any
from urllib.parse import urlencode

from tenants.resolution import CompanyRef
from tests.chat.live.clients import DeskClient, Frame, make_visitor
from tests.servers import Daphne

FRAMES, EVENTS = "/widget/frames", "/widget/events"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the server said; `frames` is the body where it is JSON."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def frames(self) -> list[Frame]:
        frames: list[Frame] = json.loads(self.body)
        return frames

    @property
    def refusal(self) -> tuple[int, str]:
        """The status and the code of the error, which is the last frame."""
        return self.status, self.frames[-1]["code"]


class HttpVisitor:
    """A visitor of the company; nothing was asked yet."""

    def __init__(self, server: Daphne, company: CompanyRef, token: str | None = None) -> None:
        self.server = server
        self.host = server.host(company)
        if token is None:
            self.visitor_id, token = make_visitor(company)
        self.token = token

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: Any) -> Answer:
        """One request; a header given as None is left out."""
        told = {"host": self.host, "authorization": f"Bearer {self.token}"}
        if method == "POST":
            told["origin"] = f"http://{self.host}"
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=40)
        try:
            sent = {name: value for name, value in told.items() if value is not None}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def post(self, frames: Any, conversation: str | None = None, **headers: Any) -> Answer:
        """Send frames; `conversation` as in a hello's resume."""
        query = f"?{urlencode({'conversation': conversation})}" if conversation else ""
        return self.ask("POST", FRAMES + query, json.dumps(frames).encode(), **headers)

    def poll(self, **query: Any) -> Answer:
        return self.ask("GET", f"{EVENTS}?{urlencode(query)}")

    def events(self, conversation: str, after: int = 0, **query: Any) -> list[Frame]:
        """The durable events that a poll brings."""
        answer = self.poll(conversation=conversation, after=after, **query)
        assert answer.status == 200, answer
        return [f for f in answer.frames if f["type"] in ("message", "conversation.changed")]

    def wait_for(self, conversation: str, text: str, after: int = 0) -> Frame:
        """Poll on from `after` until somebody said the text."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for event in self.events(conversation, after, wait=2):
                assert event["seq"] == after + 1
                after = event["seq"]
                if event.get("text") == text:
                    return event
        raise AssertionError(f"Nobody said {text}.")

    def tell(self, type_: str, **fields: Any) -> Frame:
        """Send one frame and return its ack or error."""
        frame = {"id": str(uuid.uuid4()), **fields, "type": type_}
        answer = self.post([frame])
        assert answer.status == 200, answer
        return next(found for found in answer.frames if found.get("id") == frame["id"])

    def start(self, text: str = "Hello?") -> str:
        """Start a conversation; return its id."""
        ack = self.tell("conversation.start", text=text)
        assert ack["type"] == "ack", ack
        return str(ack["conversation"])

    def say(self, conversation: str, text: str, **fields: Any) -> Frame:
        return self.tell("message.send", conversation=conversation, text=text, **fields)


class StandingPoll(threading.Thread):
    """A poll that waits at the server while the test goes on.

    `desk` shows the conversation: that the visitor is there is told to it once the poll stands.
    """

    def __init__(
        self, visitor: HttpVisitor, desk: DeskClient, conversation: str, after: int = 0
    ) -> None:
        super().__init__(daemon=True)
        self.visitor, self.query = visitor, {"conversation": conversation, "after": after}
        self.answer: Answer | None = None
        self.seconds = 0.0
        # What earlier polls told.
        desk.drain()
        self.start()
        desk.wait_for("presence", online=True)

    def run(self) -> None:
        started = time.monotonic()
        self.answer = self.visitor.poll(**self.query)
        self.seconds = time.monotonic() - started

    def result(self, timeout: float = 15.0) -> Answer:
        self.join(timeout)
        assert self.answer is not None
        return self.answer

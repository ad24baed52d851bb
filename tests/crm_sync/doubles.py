"""A CRM on the loopback address: real sockets, every fault on request."""

import contextlib
import dataclasses
import http.server
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclasses.dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """A plain answer; header names are written with underscores."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang(seconds: float) -> Answer:
    """Takes the request and then says nothing."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)

    return answer


def slowly(seconds: float) -> Answer:
    """A success after a while."""
    answer_now = status(200)

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        with contextlib.suppress(OSError):
            answer_now(handler)

    return answer


def garbage(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Something that is not HTTP."""
    handler.wfile.write(b"\x16\x03\x01\x00 this is no HTTP\r\n\r\n")


def drip_headers(handler: http.server.BaseHTTPRequestHandler) -> None:
    """One byte of a status line at a time, for ever."""
    with contextlib.suppress(OSError):
        for _ in range(600):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.05)


def drip_body(handler: http.server.BaseHTTPRequestHandler) -> None:
    """A success whose body never ends."""
    handler.send_response(200)
    handler.send_header("content-length", "1000000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(600):
            handler.wfile.write(b".")
            handler.wfile.flush()
            time.sleep(0.05)


def huge(megabytes: int) -> Answer:
    """A success with a body of that size; `sent` of the double tells how much was taken."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", str(megabytes << 20))
        handler.end_headers()
        piece = b"x" * (1 << 20)
        with contextlib.suppress(OSError):
            for _ in range(megabytes):
                handler.wfile.write(piece)
                handler.server.sent += len(piece)  # type: ignore[attr-defined]

    return answer


class HttpDouble(http.server.ThreadingHTTPServer):
    """Answers with `answers` in turn, the last one again and again."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = [status(200, b'{"ok":true}')]
        self.received: list[Received] = []
        # When each webhook-id came first, by the monotonic clock.
        self.arrived: dict[str, float] = {}
        self.sent = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpDouble

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.received.append(Received(self.path, headers, body))
            self.server.arrived.setdefault(headers.get("webhook-id", ""), time.monotonic())
            answers = self.server.answers
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.close_connection = True
        answer(self)

    def log_message(self, *args: object) -> None:
        """Silent."""


@contextlib.contextmanager
def http_double() -> Iterator[HttpDouble]:
    server = HttpDouble()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """An address at which nothing listens, and which nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/hook"


class Mailbox:
    """A real SMTP server's handler that keeps every mail; `refuse` answers DATA or RCPT instead.

    It knows no mailbox of `unknown`.
    """

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self.refuse_data = ""
        self.refuse_rcpt = ""
        self.unknown: set[str] = set()

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_rcpt:
            return self.refuse_rcpt
        if address in self.unknown:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.refuse_data:
            return self.refuse_data
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 Taken"


@contextlib.contextmanager
def mail_double(tls: ssl.SSLContext | None = None) -> Iterator[tuple[Mailbox, int]]:
    """A mailbox and the port on which it takes mail, over STARTTLS alone where `tls` is given."""
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(
        box, hostname="127.0.0.1", port=port, tls_context=tls, require_starttls=tls is not None
    )
    controller.start()
    yield box, port
    controller.stop()


class DripMail(socketserver.ThreadingTCPServer):
    """A mail server that answers a byte at a time, `pause` seconds before each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _DripHandler)
        self.pause = 0.0
        self.taken = b"250 2.0.0 Taken"
        self.mails: list[bytes] = []
        # The verbs of the commands.
        self.heard: list[bytes] = []


class _DripHandler(socketserver.StreamRequestHandler):
    server: DripMail

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self._say(b"220 Hi")
            while line := self.rfile.readline().strip().upper():
                self.server.heard.append(line[:4])
                if line == b"DATA":
                    self._say(b"354 Go on")
                    self._take()
                else:
                    self._say(b"250 OK")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line)
        self.server.mails.append(b"".join(lines))
        self._say(self.server.taken)

    def _say(self, answer: bytes) -> None:
        for byte in answer + b"\r\n":
            time.sleep(self.server.pause)
            self.wfile.write(bytes([byte]))


@contextlib.contextmanager
def drip_mail() -> Iterator[DripMail]:
    with DripMail() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def only_part(message: Message) -> bytes:
    """The decoded body of a mail of one part."""
    assert not message.is_multipart()
    body = message.get_payload(decode=True)
    assert isinstance(body, bytes)
    return body

"""A body that is too large is cut off while it comes in, before it fills the server's memory."""

import http.client
import io
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from chat.models import Branding
from config.bodies import MAX_BODY_BYTES
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.branding.test_studio import FORM
from tests.chat.live.http_clients import HttpVisitor
from tests.servers import Daphne, session_cookie

pytestmark = pytest.mark.real_commits
MEGABYTE = 1024 * 1024
PIECE = b"x" * 65_536
POST = b"POST /widget/frames HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def memory(server: Daphne) -> int:
    """Bytes that the server's process holds."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture
def client(served: Daphne) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connected:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MEGABYTE)
        yield connected


def answer(client: socket.socket) -> bytes:
    """Everything until the server closes; what it wrote may be lost where it closed on us."""
    heard = b""
    try:
        while piece := client.recv(65_536):
            heard += piece
    except ConnectionResetError:
        pass
    return heard


def push(client: socket.socket, piece: bytes) -> int:
    """Send 50 MB by and by; how many bytes the server let us."""
    sent = 0
    try:
        while sent < 50 * MEGABYTE:
            client.sendall(piece)
            sent += len(piece)
    except (ConnectionResetError, BrokenPipeError):
        pass
    return sent


def test_a_length_that_is_too_large_is_refused_before_the_body(client: socket.socket) -> None:
    client.sendall(POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
    heard = answer(client)
    assert heard.startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    assert heard.endswith(b"\r\n\r\nA request has at most 4 MB. Send less.")


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (POST + b"Content-Length: %d\r\n\r\n" % (50 * MEGABYTE), PIECE),
        (CHUNKED, b"%x\r\n%s\r\n" % (len(PIECE), PIECE)),
    ],
    ids=["announced", "chunked"],
)
def test_fifty_megabytes_are_cut_off_and_not_kept(
    served: Daphne, client: socket.socket, head: bytes, piece: bytes
) -> None:
    before = memory(served)
    client.sendall(head)
    # The limit, and what the buffers of two sockets hold.
    assert push(client, piece) < MAX_BODY_BYTES + 16 * MEGABYTE
    assert answer(client)[:12] in (b"", b"HTTP/1.1 413")
    assert memory(served) - before < 20 * MEGABYTE


def test_a_body_that_ends_just_past_the_limit_reaches_nobody(client: socket.socket) -> None:
    """Whose end comes together with what is too much."""
    client.sendall(CHUNKED + b"%x\r\n%s" % (MAX_BODY_BYTES, b"x" * MAX_BODY_BYTES))
    client.sendall(b"\r\n1\r\nx\r\n0\r\n\r\n")
    heard = answer(client)
    assert heard.startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    assert heard.count(b"HTTP/1.1") == 1


def upload(server: Daphne, cast: Cast, logo: bytes) -> tuple[int, str]:
    form = {
        **FORM,
        "csrfmiddlewaretoken": "c" * 32,
        "logo": SimpleUploadedFile("logo.png", logo, "image/png"),
    }
    name, value = session_cookie(cast.olga)
    headers = {
        "Host": server.host(cast.acme),
        "Cookie": f"{name}={value}; csrf={'c' * 32}",
        "Content-Type": MULTIPART_CONTENT,
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("POST", "/admin/branding/", encode_multipart(BOUNDARY, form), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_the_largest_picture_passes_and_a_larger_one_is_told_so(cast: Cast, served: Daphne) -> None:
    side = 830
    drawn = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(drawn, "PNG")
    picture = drawn.getvalue()
    assert 1.9 * MEGABYTE < len(picture) <= 2 * MEGABYTE
    status, text = upload(served, cast, picture.ljust(MAX_BODY_BYTES - 4096, b"\0"))
    assert (status, "The picture is larger than 2 MB." in text) == (422, True)
    assert upload(served, cast, picture)[0] == 302
    with in_company(cast.acme):
        assert Branding.objects.get().logo_digest != ""


def test_a_large_request_of_frames_passes(cast: Cast, served: Daphne) -> None:
    pings = [{"type": "ping", "padding": "x" * 40_000} for _ in range(10)]
    found = HttpVisitor(served, cast.acme).post(pings)
    assert found.status == 200
    assert len(found.frames) == len(pings)

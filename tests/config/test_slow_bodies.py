"""A body that does not come holds no connection for ever: Twisted's own clock, set forward."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from config import bodies

HEAD = b"POST /widget/frames HTTP/1.1\r\nHost: localhost\r\n"
LENGTH = HEAD + b"Content-Length: 1000\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Connection:
    """A client's connection at a server whose clock the test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        server = SimpleNamespace(
            protocol_connected=lambda request: None, protocol_disconnected=lambda request: None
        )
        factory: Any = bodies.BoundedFactory(server)
        factory.reactor = self.clock
        self._protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 4711))
        self._transport = StringTransport()
        self._protocol.makeConnection(self._transport)

    def send(self, data: bytes, *, then_wait: float) -> None:
        self._protocol.dataReceived(data)
        self.clock.advance(then_wait)

    @property
    def is_open(self) -> bool:
        return not self._transport.disconnecting

    @property
    def heard(self) -> bytes:
        heard: bytes = self._transport.value()
        return heard

    def close(self) -> None:
        self._protocol.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def client() -> Iterator[Connection]:
    connection = Connection()
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (LENGTH, b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"5;x=", b"a"),
        (HEAD + b"X-Drip: ", b"a"),
    ],
    ids=["body", "chunks", "chunk's extension", "head"],
)
def test_a_request_that_drips_is_refused_after_three_minutes(
    client: Connection, head: bytes, drop: bytes
) -> None:
    client.send(head, then_wait=30)
    for _ in range(5):
        client.send(drop, then_wait=29)
        assert (client.is_open, client.heard) == (True, b"")
    client.clock.advance(5)
    assert not client.is_open
    assert client.heard.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert client.heard.endswith(b"\r\n\r\nA request comes within three minutes. Send it again.")


def test_a_body_that_stands_still_is_given_up_after_a_minute(client: Connection) -> None:
    client.send(LENGTH, then_wait=59)
    client.send(b"x", then_wait=59)
    assert client.is_open
    client.clock.advance(2)
    assert not client.is_open

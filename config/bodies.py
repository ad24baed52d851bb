"""The most that a request's body may have and a request may take, held to while it comes in.

daphne takes a body of any size into a file and then into memory before the application is asked.
"""

from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest

# Twice the largest picture: one that is a little too large is told so on its own page. The same in
# docs/deploy/nginx.conf.
MAX_BODY_BYTES = 4 * 1024 * 1024
# For a request that drips: Twisted itself ends a connection that brings nothing for 60 s. The
# largest comes in time at 23 kB/s.
MAX_SECONDS = 180
_REFUSAL = "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n{sentence}"
_TOO_LARGE = _REFUSAL.format(
    status="413 Content Too Large", sentence="A request has at most 4 MB. Send less."
).encode()
_TOO_SLOW = _REFUSAL.format(
    status="408 Request Timeout", sentence="A request comes within three minutes. Send it again."
).encode()


class BoundedRequest(WebRequest):
    """Answers 413 (RFC 9110, 15.5.14) and closes once more is announced or has come.

    And 408 (15.5.9) where it is still coming, its head or its body, after its time.
    """

    channel: Any
    _came = 0
    _refused = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = self.channel.callLater(MAX_SECONDS, self._refuse, _TOO_SLOW)

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        self._bound(length or 0)

    def handleContentChunk(self, data: bytes) -> None:
        self._came += len(data)
        self._bound(self._came)
        if not self._refused:
            super().handleContentChunk(data)

    def requestReceived(self, *line: bytes) -> None:
        self._let_be()
        if not self._refused:
            super().requestReceived(*line)

    def connectionLost(self, reason: Any) -> None:
        self._let_be()
        super().connectionLost(reason)

    def _bound(self, length: int) -> None:
        if length > MAX_BODY_BYTES:
            self._refuse(_TOO_LARGE)

    def _let_be(self) -> None:
        if self._deadline.active():
            self._deadline.cancel()

    def _refuse(self, answer: bytes) -> None:
        if not self._refused:
            self._refused = True
            self.channel.write(answer)
            self.channel.loseConnection()


class BoundedFactory(HTTPFactory):
    def buildProtocol(self, addr: object) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol

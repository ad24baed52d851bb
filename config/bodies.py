"""The most that a request's body may have, held to while it comes in.

daphne takes a body of any size into a file and then into memory before the application is asked.
"""

from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest

# Twice the largest picture: one that is a little too large is told so on its own page. The same in
# docs/deploy/nginx.conf.
MAX_BODY_BYTES = 4 * 1024 * 1024
_REFUSAL = (
    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n"
    b"A request has at most 4 MB. Send less."
)


class BoundedRequest(WebRequest):
    """Answers 413 (RFC 9110, 15.5.14) and closes once more is announced or has come."""

    channel: Any
    _came = 0
    _refused = False

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        self._bound(length or 0)

    def handleContentChunk(self, data: bytes) -> None:
        self._came += len(data)
        self._bound(self._came)
        if not self._refused:
            super().handleContentChunk(data)

    def requestReceived(self, *line: bytes) -> None:
        if not self._refused:
            super().requestReceived(*line)

    def _bound(self, length: int) -> None:
        if length > MAX_BODY_BYTES and not self._refused:
            self._refused = True
            self.channel.write(_REFUSAL)
            self.channel.loseConnection()


class BoundedFactory(HTTPFactory):
    def buildProtocol(self, addr: object) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol

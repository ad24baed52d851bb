"""The one way out by HTTP: guarded addresses, one deadline for everything, small answers."""

import dataclasses
import functools
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore
import httpx
from django.conf import settings

from crm_sync import addresses
from crm_sync.errors import AddressRefused

BODY_CAP = 64 * 1024
_PIECE = 64 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back, its body cut at BODY_CAP bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


class NoAnswer(Exception):
    """Nothing usable came back. `sent`: the request may have arrived all the same."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


def post(url: str, *, body: bytes, headers: Mapping[str, str], deadline_seconds: float) -> Answer:
    """Send `body` to `url`; the whole exchange, name resolution aside, ends within the deadline.

    Redirects are not followed: a 3xx is an answer like any other. Raises AddressRefused and
    NoAnswer.
    """
    allow_loopback = settings.OUTBOUND_ALLOW_LOOPBACK
    addresses.check_url(url, allow_loopback=allow_loopback)
    deadline = time.monotonic() + deadline_seconds
    transport = _Transport(_Backend(deadline, allow_loopback=allow_loopback))
    sent = {
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "Switchboard/1",
        **headers,
    }
    with httpx.Client(transport=transport, timeout=deadline_seconds, trust_env=False) as client:
        try:
            with client.stream("POST", url, content=body, headers=sent) as response:
                kept, cut = _read(response)
                return Answer(response.status_code, dict(response.headers), kept, cut)
        except AddressRefused:
            raise
        except httpx.ConnectTimeout:
            raise NoAnswer("The address does not answer.", sent=False) from None
        except httpx.ConnectError:
            raise NoAnswer("The connection was refused.", sent=False) from None
        except httpx.TimeoutException:
            raise NoAnswer("The answer took too long.", sent=True) from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise NoAnswer("The connection broke, or the answer is not HTTP.", sent=True) from None


def _read(response: httpx.Response) -> tuple[bytes, bool]:
    """The first bytes of the body. A body that breaks off changes nothing."""
    kept = bytearray()
    try:
        for piece in response.iter_raw():
            kept += piece
            if len(kept) > BODY_CAP:
                return bytes(kept[:BODY_CAP]), True
    except httpx.TransportError:
        return bytes(kept), True
    return bytes(kept), False


class _Transport(httpx.HTTPTransport):
    def __init__(self, backend: "_Backend") -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend)


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class _Backend(httpcore.NetworkBackend):
    """Connects to the address that was checked, not to whatever the name says a moment later."""

    def __init__(self, deadline: float, *, allow_loopback: bool) -> None:
        self._deadline = deadline
        self._allow_loopback = allow_loopback
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            address = addresses.public_address(host, port, allow_loopback=self._allow_loopback)
        except OSError:
            raise httpcore.ConnectError from None
        stream = self._inner.connect_tcp(
            address,
            port,
            timeout=_left(self._deadline, httpcore.ConnectTimeout),
            socket_options=socket_options,
        )
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    """Every wait is cut at the one deadline, so that no drip of bytes can outlast it."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._deadline, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = _left(self._deadline, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(deadline: float, late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise late
    return left

"""SMTP with one deadline for everything, where smtplib gives each wait its own."""

import io
import smtplib
import socket
import time
from collections.abc import Callable
from typing import Any

_PIECE = 16 * 1024


class DeadlineSMTP(smtplib.SMTP):
    """Connects at once. Name resolution aside, no wait outlasts the deadline, drip or not.

    Raises what smtplib raises: OSError and SMTPException, once it is late TimeoutError or
    SMTPServerDisconnected.
    """

    def __init__(self, host: str, port: int, *, deadline_seconds: float) -> None:
        self._deadline = time.monotonic() + deadline_seconds
        super().__init__(host, port, timeout=deadline_seconds)

    def left(self) -> float:
        """Seconds until the deadline. Raises TimeoutError behind it."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """The first address that answers: a host of many gets no more time than one of one."""
        error = OSError("The host has no address.")
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return socket.create_connection((str(address[0]), port), self.left())
            except OSError as failed:
                error = failed
        raise error

    def send(self, s: Any) -> None:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("The connection is closed.")
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(self.left())
            super().send(data[start : start + _PIECE])

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("The connection is closed.")
        if self.file is None:
            self.file = io.BufferedReader(_Reader(self.sock, self.left))
        code, text = super().getreply()
        if code < 0:
            raise smtplib.SMTPServerDisconnected("The answer is not SMTP.")
        # For a TLS handshake, which waits by the socket's own time.
        self.sock.settimeout(max(self._deadline - time.monotonic(), 0.001))
        return code, text


class _Reader(io.RawIOBase):
    """A socket's bytes, each wait cut at the deadline."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._left())
        return self._sock.recv_into(buffer)

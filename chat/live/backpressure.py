"""How much waits in the server for a client that does not read."""

from collections.abc import Callable
from typing import Any

MAX_BUFFERED = 1024 * 1024


def buffered_bytes(send: Callable[..., Any]) -> int:
    """The bytes that daphne holds for this socket, 0 where the server is another one.

    daphne never makes a sender wait; its `send` is bound to the connection, whose Twisted transport
    knows what was not yet written.
    """
    arguments = getattr(send, "args", ())
    transport = getattr(arguments[0], "transport", None) if arguments else None
    # The TCP transport may stand behind the HTTP channel that the socket was upgraded from.
    transport = getattr(transport, "transport", transport)
    return len(getattr(transport, "dataBuffer", b"")) + getattr(transport, "_tempDataLen", 0)

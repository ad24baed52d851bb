"""Letting sockets say good-bye before the server process ends.

daphne 4.2.3 means to cancel its applications first, but gives up at the first connection that has
none any more (Server.kill_all_applications raises KeyError), which on a busy site is always there.
"""

import asyncio
import sys
from typing import Any

# What the server gets to write the last words to a client.
PARTING_SECONDS = 0.2

_sockets: set["asyncio.Task[Any]"] = set()
_is_watching = False


def part_before_shutdown() -> None:
    """Have the running task, a socket's, cancelled and awaited before the process ends."""
    global _is_watching
    task = asyncio.current_task()
    if task is None:
        return
    _sockets.add(task)
    task.add_done_callback(_sockets.discard)
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None and not _is_watching:
        _is_watching = True
        reactor.addSystemEventTrigger("before", "shutdown", _part)


def _part() -> Any:
    from twisted.internet import defer

    waiting = list(_sockets)
    for task in waiting:
        if not task.cancelling():
            task.cancel()
    return defer.Deferred.fromFuture(asyncio.gather(*waiting, return_exceptions=True))

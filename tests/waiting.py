"""Waiting in tests for what comes about elsewhere: in another process, thread or task."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], *, seconds: float = 15.0, every: float = 0.1) -> T:
    """Call `look` until it answers something true, and return that; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        _fail_after(deadline, look)
        time.sleep(every)
    return found


async def until_async(look: Callable[[], T], *, seconds: float = 15.0, every: float = 0.05) -> T:
    """As `until`, while the loop goes on."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        _fail_after(deadline, look)
        await asyncio.sleep(every)
    return found


def _fail_after(deadline: float, look: Callable[[], object]) -> None:
    if time.monotonic() > deadline:
        raise AssertionError(f"Waited in vain for {look.__qualname__}.")

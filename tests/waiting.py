"""Waiting in tests for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], *, seconds: float = 15.0, every: float = 0.1) -> T:
    """Call `look` until it answers something true, and return that; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds} s in vain for {look.__qualname__}.")
        time.sleep(every)

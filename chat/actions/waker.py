"""Waking the dispatcher of this process: whoever may have given it work calls `wake` on commit.

What it does then is connected at start-up (`chat.apps`), since dispatching stands above the
actions that wake it.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connection

from tenants.errors import ProductError

logger = logging.getLogger("switchboard.dispatch")


def connect(dispatch: Callable[[], None]) -> None:
    """Have `dispatch` run after each wake, in this process and those it forks."""
    global _waker
    _waker = _Waker(dispatch)


def wake() -> None:
    """Run soon in a thread of this process; many wakes at once make one run.

    Raises RuntimeError where nothing is connected, and nothing else.
    """
    _connected().wake()


def wait_until_idle(timeout: float) -> bool:
    """Wait until this process has nothing to dispatch; False after `timeout` seconds."""
    return _connected().wait_until_idle(timeout)


class _Waker:
    """One thread at most; it stays a while for the next wake, since connecting costs more."""

    LINGER_SECONDS = 10.0
    # A look costs much the same for one chat as for ten: after each it rests as long as it looked,
    # and gathers the wakes of that time.
    LONGEST_REST_SECONDS = 0.05

    def __init__(self, dispatch: Callable[[], None]) -> None:
        self.dispatch = dispatch
        self._changed = threading.Condition()
        self._wanted = False
        self._alive = False
        self._busy = False

    def wake(self) -> None:
        with self._changed:
            self._wanted = True
            self._changed.notify_all()
            if self._alive:
                return
            self._alive = True
        try:
            threading.Thread(target=self._work, name="dispatch", daemon=True).start()
        except RuntimeError:
            # No thread to be had; the sweep does it.
            with self._changed:
                self._alive = False
            logger.warning("The dispatcher could not be started.")

    def wait_until_idle(self, timeout: float) -> bool:
        until = time.monotonic() + timeout
        with self._changed:
            while self._alive and (self._wanted or self._busy):
                if not self._changed.wait(until - time.monotonic()):
                    return False
            return True

    def _work(self) -> None:
        try:
            while self._next():
                began = time.monotonic()
                close_old_connections()
                try:
                    self.dispatch()
                except (ProductError, DatabaseError, OSError) as error:
                    logger.warning("Dispatching failed: %s.", type(error).__name__)
                time.sleep(min(time.monotonic() - began, self.LONGEST_REST_SECONDS))
        except BaseException:
            with self._changed:
                self._alive = self._busy = False
                self._changed.notify_all()
            raise
        finally:
            connection.close()

    def _next(self) -> bool:
        """Wait for a wake; False, and this thread is over, when none came for a while."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._wanted, self.LINGER_SECONDS):
                self._alive = False
                return False
            self._wanted = False
            self._busy = True
            return True


_waker: _Waker | None = None


def _connected() -> _Waker:
    if _waker is None:
        raise RuntimeError("Nothing dispatches in this process yet: call `connect` first.")
    return _waker


def _forget_parent() -> None:
    """A forked process has none of its parent's threads."""
    if _waker is not None:
        connect(_waker.dispatch)


os.register_at_fork(after_in_child=_forget_parent)

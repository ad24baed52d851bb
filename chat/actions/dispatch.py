"""Carrying out what routing decides: offers ring, chats are assigned or given back."""

import logging
import os
import threading
import time
from collections.abc import Iterable

from django.db import DatabaseError, close_old_connections, connection, transaction

from chat.actions import conversations, offers
from chat.live import broadcast
from chat.live.render import offer_frame
from routing import interface as routing
from tenants.actor import SYSTEM
from tenants.context import in_company, in_public
from tenants.errors import ProductError
from tenants.log_context import log_ids
from tenants.models import User
from tenants.resolution import company_by_id

logger = logging.getLogger("switchboard.dispatch")

_BATCH = 50


def run() -> int:
    """Give back, expire and offer whatever is due; how many offers were made.

    Any number of processes may run it at once. One conversation that cannot be carried out is
    logged and delays no other; the next run meets it again.
    """
    with in_public():
        _give_back(routing.release_absent(), reason="absent")
        _give_back(routing.held_by_removed(), reason="requeued")
        _withdraw_expired()
        made = make_offers()
        routing.note_unreachable()
    return made


def make_offers() -> int:
    """The part of `run` that an event makes due, where time alone makes due the rest."""
    made = 0
    with in_public():
        while True:
            decisions = routing.next_offers(limit=_BATCH)
            for decision in decisions:
                with log_ids(company=decision.company_id, conversation=decision.conversation_id):
                    _carry_out(decision)
            made += len(decisions)
            if len(decisions) < _BATCH:
                return made


def wake() -> None:
    """Run soon in a thread of this process; many wakes at once make one run. Never raises."""
    _waker.wake()


def wait_until_idle(timeout: float) -> bool:
    """Wait until this process has nothing to dispatch; False after `timeout` seconds."""
    return _waker.wait_until_idle(timeout)


def _carry_out(decision: routing.OfferDecision) -> None:
    try:
        if decision.auto_accept:
            agent = User.objects.get(pk=decision.agent_id)
            offers.accept(agent=agent, offer_id=decision.offer_id, actor=SYSTEM)
        else:
            company = company_by_id(decision.company_id)
            broadcast.ring(decision.agent_id, offer_frame(company, decision))
    except (ProductError, DatabaseError) as error:
        # The offer lapses and the conversation waits again.
        logger.warning("An offer could not be carried out: %s.", type(error).__name__)


def _withdraw_expired() -> None:
    for closed in routing.expire_offers():
        offers.stop_ringing(closed)
        # A second miss has changed the status.
        offers.show_status(closed.agent_id)


def _give_back(assignments: Iterable[routing.AssignmentRef], *, reason: str) -> None:
    for held in assignments:
        with log_ids(company=held.company_id, conversation=held.conversation_id):
            _give_one_back(held, reason=reason)


def _give_one_back(held: routing.AssignmentRef, *, reason: str) -> None:
    try:
        company = company_by_id(held.company_id)
        with in_company(company), transaction.atomic():
            offers.lock(held.conversation_id)
            routing.requeue(
                company_id=held.company_id,
                conversation_id=held.conversation_id,
                reason=reason,
            )
            conversations.requeue(
                company=company, conversation_id=held.conversation_id, actor=SYSTEM
            )
        offers.show_status(held.agent_id)
    except (ProductError, DatabaseError) as error:
        # The agent is back, somebody closed the chat, another process was faster.
        logger.info("A chat was not given back: %s.", type(error).__name__)


class _Waker:
    """One thread at most; it stays a while for the next wake, since connecting costs more."""

    LINGER_SECONDS = 10.0
    # A look costs much the same for one chat as for ten: after each it rests as long as it looked,
    # and gathers the wakes of that time.
    LONGEST_REST_SECONDS = 0.05
    # It sweeps as well, for where no clock of the platform does.
    SWEEP_SECONDS = 2.0

    def __init__(self) -> None:
        self._swept_at = 0.0
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
                    self._dispatch()
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

    def _dispatch(self) -> None:
        if time.monotonic() - self._swept_at < self.SWEEP_SECONDS:
            make_offers()
            return
        self._swept_at = time.monotonic()
        run()

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


_waker = _Waker()


def _forget_parent() -> None:
    """A forked process has none of its parent's threads."""
    global _waker
    _waker = _Waker()


os.register_at_fork(after_in_child=_forget_parent)

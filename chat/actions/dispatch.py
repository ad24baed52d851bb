"""Carrying out what routing decides: offers ring, chats are assigned or given back."""

import logging
import math
import time
from collections.abc import Iterable

from django.db import DatabaseError, transaction

from chat.actions import agent_desks, conversations, offers
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
_SWEEP_SECONDS = 2.0


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


class WhenWoken:
    """What a wake is for: `make_offers`, and every two seconds of waking the whole `run`, for where
    no clock of the platform does it."""

    def __init__(self) -> None:
        self._swept_at = -math.inf

    def __call__(self) -> None:
        if time.monotonic() - self._swept_at < _SWEEP_SECONDS:
            make_offers()
            return
        self._swept_at = time.monotonic()
        run()


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
        agent_desks.stop_ringing(closed)
        # A second miss has changed the status.
        agent_desks.show_present_status(closed.agent_id)


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
        agent_desks.show_present_status(held.agent_id)
    except (ProductError, DatabaseError) as error:
        # The agent is back, somebody closed the chat, another process was faster.
        logger.info("A chat was not given back: %s.", type(error).__name__)

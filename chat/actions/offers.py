"""Agents' answers to offers: one winner in routing, the conversation in the same transaction."""

import dataclasses
import uuid

from django.db import transaction

from chat.actions import agent_desks, conversations, waker
from chat.live import broadcast
from chat.live.protocol.server import OfferWithdrawn
from chat.models import Conversation
from routing import interface as routing
from tenants.actor import Actor
from tenants.context import in_company, in_public
from tenants.models import User
from tenants.resolution import CompanyRef, company_by_id


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """The conversation that became the agent's."""

    company: CompanyRef
    conversation_id: uuid.UUID


def accept(*, agent: User, offer_id: uuid.UUID, actor: Actor | None = None) -> Taken:
    """Give the offered conversation to the agent; `actor`: who accepts, the agent if not told.

    The same offer again changes nothing and gives the same answer. Raises OfferGone when it is not
    the agent's or not live, and CompanyGone.
    """
    offer = routing.offer_of(offer_id, agent.pk)
    if offer is None:
        raise routing.OfferGone
    with in_public():
        company = company_by_id(offer.company_id)
    with in_company(company), transaction.atomic():
        # Whoever closes a conversation locks it before its queue entry; so do we.
        lock(offer.conversation_id)
        accepted = routing.accept(offer_id=offer_id, agent_id=agent.pk)
        if not accepted.repeated:
            conversations.assign(
                company=company,
                conversation_id=offer.conversation_id,
                agent=agent,
                actor=actor or Actor.person(agent),
            )
            # The agent's other desks stop ringing.
            withdrawn = OfferWithdrawn(offer=offer_id, reason="accepted")
            transaction.on_commit(lambda: broadcast.stop_ringing(agent.pk, withdrawn))
            transaction.on_commit(lambda: agent_desks.show_present_status(agent.pk))
    return Taken(company, offer.conversation_id)


def decline(*, agent: User, offer_id: uuid.UUID) -> None:
    """Leave the offered conversation to somebody else. Raises OfferGone."""
    with in_public(), transaction.atomic():
        declined = routing.decline(offer_id=offer_id, agent_id=agent.pk)
        transaction.on_commit(lambda: agent_desks.stop_ringing(declined))
        transaction.on_commit(lambda: agent_desks.show_present_status(agent.pk))
        transaction.on_commit(waker.wake)


def set_status(*, agent_id: uuid.UUID, status: str, reason: str = "") -> None:
    """Set what the agent chose. Unless they are available, what rang at their desks stops there.

    Raises BadStatus and NotAnAgent.
    """
    with in_public():
        state, withdrawn = routing.set_status(agent_id=agent_id, status=status, reason=reason)
    for closed in withdrawn:
        agent_desks.stop_ringing(closed)
    agent_desks.show_status(agent_id, state)
    waker.wake()


def lock(conversation_id: uuid.UUID) -> None:
    """Lock a conversation of the present company until the transaction ends."""
    list(
        Conversation.objects.select_for_update(no_key=True)
        .filter(pk=conversation_id)
        .values_list("pk")
    )

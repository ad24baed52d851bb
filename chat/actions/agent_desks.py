"""Telling all desks of one agent what became of an offer, and how they stand themselves."""

import uuid
from typing import Literal, cast

from chat.live import broadcast
from chat.live.protocol.server import OfferWithdrawn, StatusShown
from chat.live.render import agent_status
from routing import interface as routing


def stop_ringing(closed: routing.ClosedOffer) -> None:
    """Have the agent's desks stop ringing for an offer that ended."""
    reason = cast('Literal["declined", "expired", "withdrawn"]', closed.state)
    broadcast.stop_ringing(closed.agent_id, OfferWithdrawn(offer=closed.offer_id, reason=reason))


def show_present_status(agent_id: uuid.UUID) -> None:
    """Show an agent's desks the status and the load that routing holds now. Queries: 1."""
    show_status(agent_id, routing.agent_state(agent_id))


def show_status(agent_id: uuid.UUID, state: routing.AgentState) -> None:
    """Show an agent's desks this status and load."""
    broadcast.to_agent(agent_id, StatusShown(status=agent_status(state)))

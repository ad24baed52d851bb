"""Telling sockets what happened, from any thread of any process.

In a server process it goes to that process's own bus, elsewhere straight to Redis. What is lost on
the way is found again: durable events by their seq, the rest is ephemeral.
"""

import logging
import time
import uuid
from typing import Any

import redis
from channels.layers import get_channel_layer
from django.conf import settings

from chat.live import groups, wire
from chat.live.bus import BusLayer
from chat.live.protocol.frame import ServerFrame, encode
from chat.live.protocol.server import Offer, OfferWithdrawn

logger = logging.getLogger("switchboard.bus")

_AFTER_FAILURE = 2.0
_client: "redis.Redis | None" = None
_not_before = 0.0


def conversation_event(*, company_id: uuid.UUID, conversation_id: uuid.UUID, seq: int) -> None:
    """Say that a conversation has committed events up to `seq`. Call it on commit."""
    _tell(wire.Batch("", [wire.Hint(company_id, conversation_id, seq)], []))


def to_agent(user_id: uuid.UUID, frame: ServerFrame) -> None:
    """Send an ephemeral frame to all desks of a person. It carries no word of a visitor."""
    _to_desks(user_id, _shown(frame))


def ring(user_id: uuid.UUID, offer: Offer) -> None:
    """Have all desks of a person ring, each once however often it is told."""
    _to_desks(user_id, {**_shown(offer), "type": "agent.rings", "offer": offer.offer.hex})


def stop_ringing(user_id: uuid.UUID, withdrawn: OfferWithdrawn) -> None:
    """Tell all desks of a person that an offer is gone."""
    gone = {"type": "agent.rings_no_more", "offer": withdrawn.offer.hex}
    _to_desks(user_id, {**_shown(withdrawn), **gone})


def assigned_to_agent(
    user_id: uuid.UUID, *, company_id: uuid.UUID, conversation_id: uuid.UUID
) -> None:
    """Have all desks of a person open a conversation that became theirs."""
    message = {
        "type": "agent.assigned",
        "company": company_id.hex,
        "conversation": conversation_id.hex,
    }
    _to_desks(user_id, message)


def access_changed(user_id: uuid.UUID) -> None:
    """Have all desks of a person look again what they may see and what is theirs, at once."""
    _to_desks(user_id, {"type": "agent.look"})


def _shown(frame: ServerFrame) -> dict[str, Any]:
    return {"type": "live.frame", "text": encode(frame)}


def _to_desks(user_id: uuid.UUID, message: dict[str, Any]) -> None:
    _tell(wire.Batch("", [], [(groups.agent(user_id), message)]))


def _tell(batch: wire.Batch) -> None:
    layer = get_channel_layer()
    if isinstance(layer, BusLayer) and layer.loop is not None and layer.loop.is_running():
        layer.loop.call_soon_threadsafe(_tell_here, layer, batch)
        return
    _publish(batch)


def _tell_here(layer: BusLayer, batch: wire.Batch) -> None:
    layer.apply(batch)
    for hint in batch.hints:
        layer.hint(hint.company_id, hint.conversation_id, hint.seq)
    layer.pass_on(batch.groups)


def _publish(batch: wire.Batch) -> None:
    global _client, _not_before
    if time.monotonic() < _not_before:
        return
    if _client is None:
        _client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
        )
    try:
        _client.publish(wire.channel_name(settings.REDIS_PREFIX), wire.encode(batch))
    except (redis.RedisError, OSError) as error:
        _not_before = time.monotonic() + _AFTER_FAILURE
        logger.warning("A hint was lost: %s.", type(error).__name__)

"""Read marks of this process's sockets, stored together a few times a second."""

import asyncio
import logging
import uuid

from channels.layers import get_channel_layer
from django.db import DatabaseError

from chat.actions import seen
from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.protocol.fields import desk_key
from chat.live.protocol.frame import encode
from chat.live.protocol.server import SeenShown
from tenants.async_db import run_in_company
from tenants.errors import ProductError
from tenants.resolution import CompanyRef

logger = logging.getLogger("switchboard.seen")

_EVERY = 0.25
_waiting: dict[tuple[CompanyRef, uuid.UUID, seen.Side], int] = {}
_task: asyncio.Task[None] | None = None


def mark(company: CompanyRef, conversation_id: uuid.UUID, side: seen.Side, seq: int) -> None:
    """Have it stored that `side` has read up to `seq`, and the other side told."""
    global _task
    key = (company, conversation_id, side)
    _waiting[key] = max(seq, _waiting.get(key, 0))
    if _task is None or _task.done():
        _task = asyncio.get_running_loop().create_task(_store_soon())


async def _store_soon() -> None:
    while _waiting:
        await asyncio.sleep(_EVERY)
        by_company: dict[CompanyRef, list[seen.Mark]] = {}
        for (company, conversation_id, side), seq in _waiting.items():
            by_company.setdefault(company, []).append(seen.Mark(conversation_id, side, seq))
        _waiting.clear()
        for company, marks in by_company.items():
            try:
                shown = await run_in_company(company, seen.mark, marks)
            except (DatabaseError, ProductError, OSError) as error:
                # Ephemeral: the next mark says it again.
                logger.warning("Read marks were lost: %s.", type(error).__name__)
                continue
            for one in shown:
                _tell(company, one)


def _tell(company: CompanyRef, shown: seen.Shown) -> None:
    layer = get_channel_layer()
    if not isinstance(layer, BusLayer):
        return
    conversation_id = shown.mark.conversation_id
    if shown.mark.side == "visitor":
        group = groups.desks_of(company.id, conversation_id)
        key = desk_key(company.slug, conversation_id)
        frame = SeenShown(conversation=key, by="visitor", seq=shown.other_seq)
    else:
        group = groups.visitors_of(company.id, conversation_id)
        frame = SeenShown(conversation=str(conversation_id), by="desk", seq=shown.other_seq)
    layer.tell_group(group, {"type": "live.frame", "text": encode(frame)})

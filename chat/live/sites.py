"""The companies whose visitors have a socket in this process, and parting when one is suspended.

Nobody tells it: when the streams look for events, they are asked for, one query for all companies.
"""

import uuid

from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.streams import Part
from tenants import resolution
from tenants.async_db import run_in_public


class Sites(Part):
    """The companies of one process's visitors. Who left is known by the layer's groups."""

    def __init__(self, layer: BusLayer) -> None:
        super().__init__(layer)
        self._companies: set[uuid.UUID] = set()

    def came(self, company_id: uuid.UUID, channel: str) -> None:
        """A visitor's socket opens; it is told `site.closed` when the company is suspended."""
        self._companies.add(company_id)
        self.layer.join(groups.site(company_id), channel)

    async def sweep(self) -> None:
        """Part from the visitors of companies that are not active any more. Queries: 0 or 1."""
        self._companies = {pk for pk in self._companies if self.layer.has_members(groups.site(pk))}
        if not self._companies:
            return
        for pk in await run_in_public(resolution.gone_of_many, list(self._companies)):
            self.layer.tell_local(groups.site(pk), {"type": "site.closed"})

"""The websites whose visitors have a socket in this process, and parting when one may not chat on.

A company is suspended, or takes a website off its list, and nobody tells it: when the streams look
for events, all of them are asked for together.
"""

from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.streams import Part
from chat.queries import branding
from chat.queries.branding import Website
from tenants.async_db import run_in_public
from tenants.resolution import CompanyRef


class Sites(Part):
    """The websites of one process's visitors. Who left is known by the layer's groups."""

    def __init__(self, layer: BusLayer) -> None:
        super().__init__(layer)
        self._shown: set[Website] = set()

    def came(self, company: CompanyRef, origin: str, channel: str) -> None:
        """A visitor's socket opens; it is told `site.closed` when they may not chat on there."""
        website = Website(company, origin)
        self._shown.add(website)
        self.layer.join(_group_of(website), channel)

    async def sweep(self) -> None:
        """Part from the visitors of websites that are closed to them, as `closed_of` says."""
        self._shown = {site for site in self._shown if self.layer.has_members(_group_of(site))}
        if not self._shown:
            return
        for website in await run_in_public(branding.closed_of, self._shown):
            self.layer.tell_local(_group_of(website), {"type": "site.closed"})


def _group_of(website: Website) -> str:
    return groups.website(website.company.id, website.origin)

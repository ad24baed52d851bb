"""The websites whose visitors have a socket in this process, and parting when one may not chat on.

A company is suspended, or takes a website off its list, and nobody tells it: when the streams look
for events, all of them are asked for together.
"""

from collections.abc import Collection
from typing import NamedTuple

from chat.live import groups
from chat.live.bus import BusLayer
from chat.live.streams import Part
from chat.queries import branding
from tenants import resolution
from tenants.async_db import run_in_public
from tenants.resolution import CompanyRef


class Website(NamedTuple):
    """Where visitors of a company stand."""

    company: CompanyRef
    origin: str

    @property
    def group(self) -> str:
        return groups.website(self.company.id, self.origin)


class Sites(Part):
    """The websites of one process's visitors. Who left is known by the layer's groups."""

    def __init__(self, layer: BusLayer) -> None:
        super().__init__(layer)
        self._shown: set[Website] = set()

    def came(self, company: CompanyRef, origin: str, channel: str) -> None:
        """A visitor's socket opens; it is told `site.closed` when they may not chat on there."""
        website = Website(company, origin)
        self._shown.add(website)
        self.layer.join(website.group, channel)

    async def sweep(self) -> None:
        """Part from the visitors of websites that are closed to them, as `closed_of` says."""
        self._shown = {website for website in self._shown if self.layer.has_members(website.group)}
        for website in await run_in_public(closed_of, list(self._shown)):
            self.layer.tell_local(website.group, {"type": "site.closed"})


def closed_of(websites: Collection[Website]) -> list[Website]:
    """Those that are not on their company's list, or whose company is not active.

    Queries: 0 for none, else 1 and 1 for each hundred companies.
    """
    if not websites:
        return []
    gone = resolution.gone_of_many({website.company.id for website in websites})
    asked: dict[str, list[str]] = {}
    for company, origin in websites:
        if company.id not in gone:
            asked.setdefault(company.schema_name, []).append(origin)
    allowed = branding.allowed_by_schema(asked)
    return [site for site in websites if (site.company.schema_name, site.origin) not in allowed]

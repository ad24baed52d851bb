"""How a company's chat looks, and on which websites it may stand."""

import dataclasses
from collections.abc import Collection
from typing import NamedTuple

from psycopg import sql

from chat import brand_colours
from chat.models import AllowedOrigin, Branding
from tenants import resolution
from tenants.many_schemas import rows_of_many
from tenants.resolution import CompanyRef

_ALLOWED = sql.SQL("SELECT {schema}, origin FROM {table} WHERE origin = ANY(%s)")


class Website(NamedTuple):
    """Where visitors of a company stand."""

    company: CompanyRef
    origin: str


@dataclasses.dataclass(frozen=True, slots=True)
class Brand:
    """A company's branding without the picture; `logo_digest` is '' where there is none."""

    name: str
    colour: str
    greeting: str
    offline_message: str
    launcher_label: str
    position: str
    outside_hours: str
    logo_digest: str

    @property
    def colours(self) -> brand_colours.Tokens:
        return brand_colours.tokens(self.colour)

    @property
    def hides_when_closed(self) -> bool:
        return self.outside_hours == Branding.OutsideHours.HIDE


def brand(company: CompanyRef) -> Brand:
    """The branding as it is stored, the defaults where nothing is yet. Queries: 1."""
    row = Branding.objects.defer("logo").first() or Branding(name=company.name[:60])
    return Brand(
        name=row.name,
        colour=row.colour,
        greeting=row.greeting,
        offline_message=row.offline_message,
        launcher_label=row.launcher_label,
        position=row.position,
        outside_hours=row.outside_hours,
        logo_digest=row.logo_digest,
    )


def logo() -> tuple[bytes, str] | None:
    """The company's logo (PNG) and its SHA-256, None where there is none. Queries: 1."""
    row = Branding.objects.exclude(logo_digest="").values_list("logo", "logo_digest").first()
    return (bytes(row[0]), row[1]) if row and row[0] is not None else None


def is_allowed(origin: str) -> bool:
    """Whether a normalised origin may show the widget. Queries: 1."""
    return AllowedOrigin.objects.filter(origin=origin).exists()


def closed_of(websites: Collection[Website]) -> list[Website]:
    """Those that are not on their company's list, or whose company is not active.

    It may run in any schema. Queries: 1 and 1 for each hundred companies.
    """
    gone = resolution.gone_of_many({website.company.id for website in websites})
    asked: dict[str, list[str]] = {}
    for company, origin in websites:
        if company.id not in gone:
            asked.setdefault(company.schema_name, []).append(origin)
    allowed = set(rows_of_many(_ALLOWED, "chat_allowedorigin", asked))
    return [site for site in websites if (site.company.schema_name, site.origin) not in allowed]

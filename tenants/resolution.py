"""From a host name or an id to a company: one cached look-up for HTTP, sockets and tasks alike."""

import dataclasses
import time
import uuid
from collections.abc import Collection

from django.conf import settings

from tenants.errors import CompanyGone
from tenants.models import Company, Domain

CACHE_SECONDS = 15.0


@dataclasses.dataclass(frozen=True, slots=True)
class CompanyRef:
    """What the rest of the product needs of a company on every request; safe to keep and pass."""

    id: uuid.UUID
    slug: str
    schema_name: str
    name: str
    time_zone: str
    vertical: str
    health_care_mode: bool
    state: str

    @classmethod
    def of(cls, company: Company) -> "CompanyRef":
        return cls(
            id=company.pk,
            slug=company.slug,
            schema_name=company.schema_name,
            name=company.name,
            time_zone=company.time_zone,
            vertical=company.vertical,
            health_care_mode=company.health_care_mode,
            state=company.state,
        )


_by_host: dict[str, tuple[float, CompanyRef]] = {}
_by_id: dict[uuid.UUID, tuple[float, CompanyRef]] = {}


def host_name(host: str) -> str:
    """The lower-case host name of a Host header, without its port."""
    return host.rsplit(":", 1)[0].rstrip(".").lower() if ":" in host else host.rstrip(".").lower()


def is_platform_host(host: str) -> bool:
    return host_name(host) in settings.PLATFORM_HOSTS


def company_by_host(host: str) -> CompanyRef | None:
    """The active company of a Host header, or None. Queries: 0 (cached 15 s) or 1.

    An unknown host is not remembered: it may be a company's the next moment, and made-up names
    must not grow the process.
    """
    name = host_name(host)
    hit = _by_host.get(name)
    if hit is not None and hit[0] > time.monotonic():
        return hit[1]
    domain = (
        Domain.objects.select_related("tenant")
        .filter(domain=name, tenant__state=Company.State.ACTIVE)
        .first()
    )
    if domain is None:
        _by_host.pop(name, None)
        return None
    ref = CompanyRef.of(domain.tenant)
    _by_host[name] = (time.monotonic() + CACHE_SECONDS, ref)
    return ref


def company_by_id(company_id: uuid.UUID | str, *, fresh: bool = False) -> CompanyRef:
    """The active company with this id. Raises CompanyGone. Queries: 0 (cached 15 s) or 1.

    `fresh` asks the database in any case, for work that must not start in a suspended company.
    """
    try:
        key = company_id if isinstance(company_id, uuid.UUID) else uuid.UUID(company_id)
    except ValueError:
        raise CompanyGone from None
    hit = _by_id.get(key)
    if not fresh and hit is not None and hit[0] > time.monotonic():
        return hit[1]
    company = Company.objects.filter(pk=key, state=Company.State.ACTIVE).first()
    if company is None:
        forget(key)
        raise CompanyGone
    ref = CompanyRef.of(company)
    _by_id[key] = (time.monotonic() + CACHE_SECONDS, ref)
    return ref


def gone_of_many(company_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these companies that are not active; they are not cached any more. Queries: 1."""
    active = Company.objects.filter(pk__in=company_ids, state=Company.State.ACTIVE)
    gone = set(company_ids) - set(active.values_list("pk", flat=True))
    for company_id in gone:
        forget(company_id)
    return gone


def forget(company_id: uuid.UUID | None = None) -> None:
    """Drop one company from this process's cache, or all."""
    if company_id is None:
        _by_host.clear()
        _by_id.clear()
        return
    _by_id.pop(company_id, None)
    for host in [host for host, (_, ref) in list(_by_host.items()) if ref.id == company_id]:
        _by_host.pop(host, None)

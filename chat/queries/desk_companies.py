"""Which companies a person sees at the desk, and as what."""

import dataclasses
import uuid
from collections import defaultdict
from collections.abc import Collection

from django.db.models import QuerySet

from routing import interface as routing
from tenants import roles
from tenants.errors import Forbidden, NotFound
from tenants.models import Company, Membership, Role, User
from tenants.resolution import CompanyRef


@dataclasses.dataclass(frozen=True, slots=True)
class DeskCompany:
    """A company at somebody's desk: they answer its chats, watch over them, or both."""

    ref: CompanyRef
    serves: bool
    supervises: bool
    # Whether routing may offer them its chats, or might before it was revoked.
    was_granted: bool

    @property
    def seat(self) -> "Seat":
        return Seat(self.ref.id, self.serves, self.supervises, self.ref.health_care_mode)


@dataclasses.dataclass(frozen=True, slots=True)
class Seat:
    """A company at somebody's desk, by its id."""

    company_id: uuid.UUID
    serves: bool
    supervises: bool
    health_care_mode: bool


def seats_of_many(user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, frozenset[Seat]]:
    """The companies at each of these people's desks; who has none is left out. Queries: 1."""
    found: dict[uuid.UUID, set[Seat]] = defaultdict(set)
    rows = _memberships().filter(user__in=user_ids, user__is_active=True)
    columns = ("user_id", "company_id", "role", "company__health_care_mode")
    for user_id, *terms in rows.values_list(*columns):
        seat = _seat(*terms)
        if seat is not None:
            found[user_id].add(seat)
    return {user_id: frozenset(seats) for user_id, seats in found.items()}


def desk_companies(user: User) -> list[DeskCompany]:
    """The companies at `user`'s desk by name. Raises Forbidden where there is none.

    Queries: 2.
    """
    granted = routing.ever_granted(user.pk)
    found = []
    for membership in _memberships().filter(user=user).select_related("company"):
        ref = CompanyRef.of(membership.company)
        seat = _seat(ref.id, membership.role, ref.health_care_mode)
        if seat is not None:
            found.append(DeskCompany(ref, seat.serves, seat.supervises, ref.id in granted))
    if not found:
        raise Forbidden("The desk is for people who answer chats. Ask an owner to add you.")
    return sorted(found, key=lambda company: company.ref.name.casefold())


def desk_company(companies: list[DeskCompany], slug: str) -> DeskCompany:
    """The company of that slug among them. Raises NotFound. Queries: 0."""
    for company in companies:
        if company.ref.slug == slug:
            return company
    raise NotFound


def _memberships() -> QuerySet[Membership]:
    return Membership.objects.filter(ended_at__isnull=True, company__state=Company.State.ACTIVE)


def _seat(company_id: uuid.UUID, role: str, health_care_mode: bool) -> Seat | None:
    serves = roles.allows(Role(role), roles.Permission.SERVE_CHATS)
    supervises = roles.allows(Role(role), roles.Permission.SUPERVISE)
    if not (serves or supervises):
        return None
    return Seat(company_id, serves, supervises, health_care_mode)

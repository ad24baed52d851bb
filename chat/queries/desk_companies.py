"""Which companies a person sees at the desk, and as what."""

import dataclasses

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
    # Whether routing may offer them its chats already.
    is_granted: bool


def desk_companies(user: User) -> list[DeskCompany]:
    """The companies at `user`'s desk by name. Raises Forbidden where there is none.

    Queries: 2.
    """
    granted = set(routing.grants_of(user.pk))
    memberships = Membership.objects.filter(
        user=user, ended_at__isnull=True, company__state=Company.State.ACTIVE
    ).select_related("company")
    found = []
    for membership in memberships:
        serves = roles.allows(Role(membership.role), roles.Permission.SERVE_CHATS)
        supervises = roles.allows(Role(membership.role), roles.Permission.SUPERVISE)
        if serves or supervises:
            ref = CompanyRef.of(membership.company)
            found.append(
                DeskCompany(
                    ref=ref, serves=serves, supervises=supervises, is_granted=ref.id in granted
                )
            )
    if not found:
        raise Forbidden("The desk is for people who answer chats. Ask an owner to add you.")
    return sorted(found, key=lambda company: company.ref.name.casefold())


def desk_company(companies: list[DeskCompany], slug: str) -> DeskCompany:
    """The company of that slug among them. Raises NotFound. Queries: 0."""
    for company in companies:
        if company.ref.slug == slug:
            return company
    raise NotFound

"""Who belongs to a company, and which companies a person belongs to."""

import dataclasses
import datetime
import uuid

from tenants.models import Company, Membership, Role, User
from tenants.resolution import CompanyRef


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    user_id: uuid.UUID
    name: str
    email: str
    role: Role
    since: datetime.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class OwnCompany:
    name: str
    slug: str
    role: Role


def members(company: CompanyRef) -> list[Member]:
    """The people of the company, owners first, then by name. Queries: 1."""
    rank = {role: place for place, role in enumerate(Role)}
    found = [
        Member(m.user_id, m.user.name or m.user.email, m.user.email, Role(m.role), m.created_at)
        for m in Membership.objects.filter(
            company_id=company.id, ended_at__isnull=True
        ).select_related("user")
    ]
    return sorted(found, key=lambda member: (rank[member.role], member.name.casefold()))


def companies_of(user: User) -> list[OwnCompany]:
    """The active companies the person belongs to, by name. Queries: 1."""
    return [
        OwnCompany(m.company.name, m.company.slug, Role(m.role))
        for m in Membership.objects.filter(
            user=user, ended_at__isnull=True, company__state=Company.State.ACTIVE
        )
        .select_related("company")
        .order_by("company__name")
    ]


def names_of(user_ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of people by id, for pages that show who did something. Queries: 0 or 1."""
    if not user_ids:
        return {}
    people = User.objects.filter(pk__in=user_ids).only("name", "email")
    return {person.pk: person.name or person.email for person in people}

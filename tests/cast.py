"""The companies and people that every test knows, made once for each test worker.

acme (car dealership) and globex (dental clinic) are the companies of the story; initech is the
victim of every attack. Ana is an agent of acme and globex, Amir of acme alone.
"""

import dataclasses

from tenants.actions.memberships import add_member
from tenants.actions.provisioning import provision_company
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import Company, Role, User
from tenants.resolution import CompanyRef

PASSWORD = "correct horse battery staple"


@dataclasses.dataclass(frozen=True)
class Cast:
    acme: CompanyRef
    globex: CompanyRef
    initech: CompanyRef
    olga: User
    gina: User
    ivan: User
    ana: User
    amir: User
    sara: User
    audrey: User
    otto: User

    @property
    def companies(self) -> tuple[CompanyRef, CompanyRef, CompanyRef]:
        return self.acme, self.globex, self.initech

    @property
    def people(self) -> tuple[User, ...]:
        return (
            self.olga, self.gina, self.ivan, self.ana, self.amir, self.sara, self.audrey, self.otto,
        )  # fmt: skip


def make_cast() -> Cast:
    """Store the cast; the caller commits."""
    olga, gina, ivan = (_person(n) for n in ("Olga Owner", "Gina Owner", "Ivan Owner"))
    ana, amir = _person("Ana Agent"), _person("Amir Agent")
    sara, audrey = _person("Sara Supervisor"), _person("Audrey Auditor")
    otto = _person("Otto Operator", is_operator=True)
    acme = _company("Acme Motors", "acme", Company.Vertical.CAR_DEALERSHIP, "Europe/Berlin", olga)
    globex = _company(
        "Globex Dental", "globex", Company.Vertical.HEALTH_CARE, "America/New_York", gina
    )
    initech = _company("Initech", "initech", Company.Vertical.GENERAL, "UTC", ivan)
    for company, user, role in (
        (acme, ana, Role.AGENT),
        (globex, ana, Role.AGENT),
        (acme, amir, Role.AGENT),
        (acme, sara, Role.SUPERVISOR),
        (globex, sara, Role.SUPERVISOR),
        (acme, audrey, Role.AUDITOR),
    ):
        add_member(company=company, user=user, role=role, actor=SYSTEM)
    cast = Cast(acme, globex, initech, olga, gina, ivan, ana, amir, sara, audrey, otto)
    set_up_routing(cast)
    for company in cast.companies:
        set_up_company(company)
    return cast


def set_up_routing(cast: Cast) -> None:
    """Agents' profiles and grants, as they are before each test."""
    from routing import interface as routing

    for user, companies in ((cast.ana, (cast.acme, cast.globex)), (cast.amir, (cast.acme,))):
        routing.create_agent(user_id=user.pk, capacity=3, auto_accept=False)
        for company in companies:
            routing.grant(agent_id=user.pk, company_id=company.id)


def set_up_company(company: CompanyRef) -> None:
    """What a company's own schema holds before each test."""
    from chat.models import AllowedOrigin, Branding, CannedReply

    with in_company(company):
        Branding.objects.create(name=company.name)
        AllowedOrigin.objects.create(origin=f"https://www.{company.slug}.example")
        CannedReply.objects.create(
            shortcut="hello", title="Welcome", body=f"Welcome to {company.name}!"
        )


def _person(name: str, *, is_operator: bool = False) -> User:
    first = name.split()[0].lower()
    return User.objects.create_user(
        f"{first}@people.example", PASSWORD, name=name, is_operator=is_operator
    )


def _company(name: str, slug: str, vertical: str, time_zone: str, owner: User) -> CompanyRef:
    company = provision_company(
        actor=SYSTEM,
        name=name,
        slug=slug,
        website=f"https://www.{slug}.example",
        time_zone=time_zone,
        vertical=vertical,
        owner=owner,
    )
    return CompanyRef.of(company)

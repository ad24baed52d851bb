"""A person and their company, made together or not at all."""

from django.db import IntegrityError, transaction

from tenants.actions.provisioning import provision_company
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import Invalid
from tenants.models import Company, User


def create_person(*, email: str, password: str, name: str) -> User:
    """Store a person; the password has been validated. Raises Invalid where they exist."""
    try:
        with in_public(), transaction.atomic():
            return User.objects.create_user(email, password, name=name.strip())
    except IntegrityError:
        raise Invalid("There is an account with this address. Sign in instead.") from None


def create_company(
    *, owner: User, name: str, slug: str, website: str, time_zone: str, vertical: str
) -> Company:
    """As provision_company, for a person who signs their company up."""
    return provision_company(
        actor=Actor.person(owner),
        name=name,
        slug=slug,
        website=website,
        time_zone=time_zone,
        vertical=vertical,
        owner=owner,
    )


def sign_up(*, email: str, password: str, person_name: str, **company: str) -> tuple[User, Company]:
    """Store a person and their company in one transaction; raises what the two parts raise."""
    with in_public(), transaction.atomic():
        owner = create_person(email=email, password=password, name=person_name)
        return owner, create_company(owner=owner, **company)

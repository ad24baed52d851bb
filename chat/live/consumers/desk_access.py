"""Who sits at a desk: the session's person and the companies they see."""

import dataclasses
import functools
import uuid
from http.cookies import CookieError, SimpleCookie
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from chat.errors import NoDesk, SignedOut
from chat.queries.desk_companies import DeskCompany, Seat, desk_companies
from routing import interface as routing
from tenants.errors import Forbidden, NotFound
from tenants.models import User
from tenants.resolution import CompanyRef


@dataclasses.dataclass(frozen=True)
class DeskAccess:
    """The person and, by slug, the companies at their desk."""

    user: User
    companies: dict[str, DeskCompany]
    is_agent: bool

    def target(self, key: str) -> tuple[CompanyRef, uuid.UUID]:
        """The company and id of a conversation's key.

        Raises NotFound for a company that is not at this desk, as for one that is none.
        """
        slug, _, conversation_id = key.partition("/")
        found = self.companies.get(slug)
        if found is None:
            raise NotFound
        return found.ref, uuid.UUID(conversation_id)

    def company_by_id(self, company_id: uuid.UUID) -> CompanyRef | None:
        return next((c.ref for c in self.companies.values() if c.ref.id == company_id), None)

    @functools.cached_property
    def seats(self) -> frozenset[Seat]:
        return frozenset(company.seat for company in self.companies.values())

    def supervises(self, slug: str) -> bool:
        found = self.companies.get(slug)
        return found is not None and found.supervises


def session_key(cookie_header: bytes) -> str | None:
    """The session's key from a Cookie header, if there is one."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load(cookie_header.decode("latin-1"))
    except CookieError:
        return None
    found = cookie.get(settings.SESSION_COOKIE_NAME)
    return found.value if found else None


def access_of(key: str | None) -> DeskAccess:
    """Read anew who the session belongs to and what they may see. Runs in the public schema.

    Raises SignedOut (no session, ended, another password since, deactivated) and NoDesk.
    """
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        raise SignedOut
    try:
        companies = desk_companies(user)
    except Forbidden:
        raise NoDesk from None
    return DeskAccess(
        user=user,
        companies={company.ref.slug: company for company in companies},
        is_agent=routing.is_agent(user.pk),
    )

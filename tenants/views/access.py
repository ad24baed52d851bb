"""Who may open a page: sign-in first, then membership, then the role's permission."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils import timezone

from tenants.errors import Forbidden, NotFound
from tenants.models import Role, User
from tenants.resolution import CompanyRef
from tenants.roles import Permission, allows, role_in

P = ParamSpec("P")
AnyView = Callable[..., HttpResponseBase]


class SiteRequest(HttpRequest):
    """A request on a company's site, of whomever."""

    company: CompanyRef


class SignedInRequest(HttpRequest):
    """A request whose person is known."""

    user: User


class CompanyRequest(SignedInRequest, SiteRequest):
    """What a view behind `company_page` gets."""

    role: Role


class _Asked(HttpRequest):
    """A request whose person's role was looked up."""

    known_role: Role | None


def role_of(request: HttpRequest) -> Role | None:
    """The person's role on this company's site; None on the platform's. Queries: 0 or 1."""
    asked = cast("_Asked", request)
    if not hasattr(asked, "known_role"):
        company = getattr(request, "company", None)
        asked.known_role = (
            role_in(request.user, company.id)
            if company is not None and request.user.is_authenticated
            else None
        )
    return asked.known_role


def company_page(
    permission: Permission,
) -> Callable[
    [Callable[Concatenate[CompanyRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """Open the view to members of the site's company whose role has `permission`.

    Anonymous people are sent to sign in, outsiders get 404, other members 403. Times are read and
    shown in the company's zone, but by what a streaming response makes later.
    """

    def decorate(
        view: Callable[Concatenate[CompanyRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if getattr(request, "company", None) is None:
                raise NotFound
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            role = role_of(request)
            if role is None:
                raise NotFound
            if not allows(role, permission):
                raise Forbidden
            let_in = cast("CompanyRequest", request)
            let_in.role = role
            with timezone.override(let_in.company.time_zone):
                response = view(let_in, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    # Else it would be drawn when the zone is left.
                    response.render()
            return _private(response)

        return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)

    return decorate


def signed_in_page(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Open the view to everybody who is signed in; the view itself asks what is theirs."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return _private(view(cast("SignedInRequest", request), *args, **kwargs))

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def operator_page(view: AnyView) -> AnyView:
    """Open the view to operators, on the platform site; everybody else gets 404."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if getattr(request, "company", None) is not None:
            raise NotFound
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not (request.user.is_active and request.user.is_operator):
            raise NotFound
        return _private(view(request, *args, **kwargs))

    return guarded


def _private(response: HttpResponseBase) -> HttpResponseBase:
    # Shared machines: the back button after sign-out must not show a page again.
    if isinstance(response, HttpResponse):
        response.setdefault("Cache-Control", "no-store, private")
    return response

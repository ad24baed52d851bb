"""Accepting an invitation, on the company's site."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from tenants.actions import invitations
from tenants.addresses import platform_url
from tenants.errors import Invalid
from tenants.forms.people import NewPersonForm
from tenants.models import Membership, Role
from tenants.roles import Permission, allows
from tenants.views.access import SiteRequest
from tenants.views.hand_off import sign_in


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def accept(request: SiteRequest, token: str) -> HttpResponse:
    """Signed-in people accept for themselves; others make their account here, or sign in first."""
    company = request.company
    invitation = invitations.find(company=company, token=token)
    user = request.user
    if user.is_authenticated:
        if request.method == "POST":
            membership = invitations.accept(company=company, token=token, user=user)
            return _welcome(membership)
        return _page(request, invitation=invitation)
    if invitations.account_exists(invitation.email):
        return _page(request, invitation=invitation, must_sign_in=True)
    form = NewPersonForm(request.POST or None, email=invitation.email)
    if request.method == "POST" and form.is_valid():
        try:
            person, membership = invitations.accept_as_new_person(
                company=company, token=token, **form.cleaned_data
            )
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            sign_in(request, person)
            return _welcome(membership)
    return _page(request, invitation=invitation, form=form)


def _page(request: HttpRequest, **context: object) -> HttpResponse:
    form = context.get("form")
    response = render(
        request,
        "tenants/accept_invitation.html",
        context,
        status=422 if isinstance(form, NewPersonForm) and form.errors else 200,
    )
    # The address holds the secret.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _welcome(membership: Membership) -> HttpResponse:
    if allows(Role(membership.role), Permission.VIEW_ADMIN):
        return redirect("company_admin:index")
    return redirect(platform_url("/desk/"))

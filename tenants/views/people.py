"""The people of a company: members, roles, open invitations."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenants.actions import invitations, memberships
from tenants.actor import Actor
from tenants.errors import Invalid, NotFound, ProductError
from tenants.forms.people import InviteForm, RoleForm
from tenants.models import Invitation, Role, User
from tenants.queries import people as queries
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.MANAGE_PEOPLE)
@require_safe
def people(request: CompanyRequest) -> HttpResponse:
    return _page(request, InviteForm())


@company_page(Permission.MANAGE_PEOPLE)
@require_POST
def invite(request: CompanyRequest) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        invitation = invitations.invite(
            company=request.company,
            email=form.cleaned_data["email"],
            role=Role(form.cleaned_data["role"]),
            inviter=request.user,
        )
    except ProductError as error:
        form.add_error("email", str(error))
        return _page(request, form)
    _tell(request, invitation)
    return redirect("company_people")


@company_page(Permission.MANAGE_PEOPLE)
@require_POST
def change_invitation(request: CompanyRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Send again or withdraw, as the pressed button says."""
    actor = Actor.person(request.user)
    if request.POST.get("do") == "withdraw":
        invitations.withdraw(company=request.company, invitation_id=invitation_id, actor=actor)
        messages.success(request, "The invitation is withdrawn; its link no longer works.")
    else:
        invitation = invitations.renew(
            company=request.company, invitation_id=invitation_id, actor=actor
        )
        _tell(request, invitation)
    return redirect("company_people")


@company_page(Permission.MANAGE_PEOPLE)
@require_POST
def change_member(request: CompanyRequest, user_id: uuid.UUID) -> HttpResponse:
    """Give another role or end the membership, as the pressed button says."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFound
    actor = Actor.person(request.user)
    try:
        if request.POST.get("do") == "remove":
            memberships.end_membership(company=request.company, user=user, actor=actor)
            messages.success(request, f"{user} no longer belongs to {request.company.name}.")
        else:
            form = RoleForm(request.POST)
            if not form.is_valid():
                raise Invalid("Choose one of the roles.")
            role = Role(form.cleaned_data["role"])
            memberships.change_role(company=request.company, user=user, role=role, actor=actor)
            messages.success(request, f"{user} is now {role.label.lower()}.")
    except Invalid as error:
        messages.error(request, str(error))
    if user == request.user:
        # They may have taken the page from themselves.
        return redirect("company_root")
    return redirect("company_people")


def _page(request: CompanyRequest, form: InviteForm) -> HttpResponse:
    return render(
        request,
        "tenants/people.html",
        {
            "title": "People",
            "members": queries.members(request.company),
            "invitations": invitations.open_invitations(request.company),
            "roles": Role,
            "form": form,
            "now": timezone.now(),
        },
        status=422 if form.errors else 200,
    )


def _tell(request: CompanyRequest, invitation: Invitation) -> None:
    messages.success(request, f"An invitation is on its way to {invitation.email}.")

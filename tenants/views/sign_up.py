"""A company signs up: form, company on the spot or behind a progress page, hand-off."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants.actions import sign_up as actions
from tenants.errors import Invalid, ProductError
from tenants.forms.sign_up import CompanyForm, SignUpForm
from tenants.queries.spares import spare_is_ready
from tenants.resolution import CompanyRef
from tenants.views.access import SignedInRequest, signed_in_page
from tenants.views.hand_off import BACKEND, hand_off_page

# What is to be made, kept in the session while the progress page shows.
PENDING = "pending_company"


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    signed_in = request.user.is_authenticated
    form_class = CompanyForm if signed_in else SignUpForm
    form = form_class(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _make(request, form.cleaned_data)
        except Invalid as error:
            _show(form, error)
    return render(
        request,
        "tenants/sign_up.html",
        {"form": form, "signed_in": signed_in},
        status=422 if form.errors else 200,
    )


def _make(request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
    company: dict[str, str] = {
        "name": data["company"],
        **{name: data[name] for name in ("slug", "website", "time_zone", "vertical")},
    }
    person: dict[str, str] = {name: data.get(name, "") for name in ("email", "password")}
    if spare_is_ready():
        if request.user.is_authenticated:
            owner = request.user
            made = actions.create_company(owner=owner, **company)
        else:
            owner, made = actions.sign_up(**person, person_name=data["name"], **company)
            login(request, owner, backend=BACKEND)
        return hand_off_page(request, owner, CompanyRef.of(made))
    with transaction.atomic():
        if not request.user.is_authenticated:
            login(request, actions.create_person(**person, name=data["name"]), backend=BACKEND)
        request.session[PENDING] = company
    return redirect("sign_up_progress")


def _show(form: CompanyForm, error: ProductError) -> None:
    if error.code.startswith("slug"):
        form.refuse_slug(str(error), form.cleaned_data["slug"])
    else:
        form.add_error(None, str(error))


@signed_in_page
@require_safe
def progress(request: SignedInRequest) -> HttpResponse:
    """Shown while the company's space is made on the spot; it posts to `prepare` by itself."""
    pending = request.session.get(PENDING)
    if pending is None:
        return redirect("landing")
    return render(request, "tenants/progress.html", {"pending": pending})


@signed_in_page
@never_cache
@require_POST
def prepare(request: SignedInRequest) -> HttpResponse:
    """Make the pending company and go there; asked twice, it is made once."""
    pending = request.session.pop(PENDING, None)
    if pending is None:
        return redirect("landing")
    # Saved first, so that a second press finds nothing to make.
    request.session.save()
    try:
        made = actions.create_company(owner=request.user, **pending)
    except Invalid as error:
        messages.error(request, str(error))
        return redirect("sign_up")
    return hand_off_page(request, request.user, CompanyRef.of(made))

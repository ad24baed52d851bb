"""The platform's front page, and for people who are signed in the way to their companies."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from tenants.queries import people
from tenants.roles import SERVING


@login_not_required
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return render(request, "tenants/landing.html")
    companies = people.companies_of(request.user)
    return render(
        request,
        "tenants/home.html",
        {
            "companies": companies,
            "serves_chats": any(company.role in SERVING for company in companies),
        },
    )


@login_not_required
@require_safe
def company_root(request: HttpRequest) -> HttpResponse:
    """A company's host has no front page of its own."""
    return redirect("company_admin:index")

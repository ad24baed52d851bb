"""The front page of a company's admin site."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.queries import onboarding
from chat.queries.overview import overview
from tenants.roles import Permission, allows
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.VIEW_ADMIN)
@require_safe
def dashboard(request: CompanyRequest) -> HttpResponse:
    return render(
        request,
        "chat/admin/dashboard.html",
        {
            "title": "Overview",
            "figures": overview(request.company),
            **_checklist(request),
        },
    )


@company_page(Permission.VIEW_ADMIN)
@require_safe
def checklist(request: CompanyRequest) -> HttpResponse:
    """The checklist alone, for the page to look at again."""
    return render(request, "chat/admin/checklist.html", _checklist(request))


def _checklist(request: CompanyRequest) -> dict[str, object]:
    steps = onboarding.steps(request.company)
    return {
        "steps": [(step, allows(request.role, step.permission)) for step in steps],
        "done": sum(step.is_done for step in steps),
        "total": len(steps),
    }

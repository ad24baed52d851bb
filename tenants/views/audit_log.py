from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.forms.audit_log import AuditFilterForm
from tenants.queries import audit_log as queries
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.VIEW_AUDIT)
@require_safe
def audit_log(request: CompanyRequest) -> HttpResponse:
    form = AuditFilterForm(request.GET, actors=queries.actors(request.company))
    wanted = form.wanted(request.company.time_zone)
    return render(
        request,
        "tenants/audit_log.html",
        {
            "title": "Audit log",
            "form": form,
            "page": queries.page(request.company, wanted, request.GET.get("page")),
            "is_filtered": any(request.GET.get(name) for name in form.fields),
        },
    )

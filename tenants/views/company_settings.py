from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tenants.actions import companies
from tenants.actor import Actor
from tenants.errors import Invalid
from tenants.forms.company_settings import CompanySettingsForm
from tenants.models import Company
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.MANAGE_PEOPLE)
@require_http_methods(["GET", "POST"])
def settings_page(request: CompanyRequest) -> HttpResponse:
    row = Company.objects.get(pk=request.company.id)
    form = CompanySettingsForm(
        request.POST or None,
        initial={"name": row.name, "website": row.website, "time_zone": row.time_zone},
    )
    if request.method == "POST" and form.is_valid():
        try:
            changed = companies.change_settings(
                company=request.company, actor=Actor.person(request.user), **form.cleaned_data
            )
        except Invalid as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved." if changed else "Nothing had changed.")
            return redirect("company_settings")
    return render(
        request,
        "tenants/company_settings.html",
        {"title": "Settings", "form": form, "row": row},
        status=422 if form.errors else 200,
    )

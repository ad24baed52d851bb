"""Putting the widget on a website, and seeing that it is there."""

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from chat.actions import websites
from chat.forms import WebsiteForm
from chat.queries import install as queries
from tenants.actor import Actor
from tenants.addresses import company_url
from tenants.errors import Invalid
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.EDIT_BRANDING)
@require_safe
def install(request: CompanyRequest) -> HttpResponse:
    return _page(request, WebsiteForm())


@company_page(Permission.EDIT_BRANDING)
@require_safe
def seen(request: CompanyRequest) -> JsonResponse:
    """Where the widget was loaded and when, for the page to look at again."""
    found = [
        {
            "origin": site.origin,
            "allowed": site.is_allowed,
            "at": site.last_seen_at and site.last_seen_at.isoformat(),
        }
        for site in queries.websites()
    ]
    return JsonResponse({"websites": found})


@company_page(Permission.EDIT_BRANDING)
@require_POST
def change_websites(request: CompanyRequest) -> HttpResponse:
    """Allow the website of the form, or remove the one whose button was pressed."""
    actor = Actor.person(request.user)
    removed = request.POST.get("remove")
    if removed is not None:
        websites.disallow(company=request.company, origin=removed, actor=actor)
        messages.success(request, f"The chat no longer opens on {removed}.")
        return redirect("company_install")
    form = WebsiteForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        origin = websites.allow(
            company=request.company, address=form.cleaned_data["website"], actor=actor
        )
    except Invalid as error:
        form.add_error("website", str(error))
        return _page(request, form)
    messages.success(request, f"{origin} may show the chat.")
    return redirect("company_install")


def _page(request: CompanyRequest, form: WebsiteForm) -> HttpResponse:
    found = queries.websites()
    return render(
        request,
        "chat/admin/install.html",
        {
            "title": "Install",
            "origin": company_url(request.company.slug, ""),
            "script": company_url(request.company.slug, "/widget.js"),
            "allowed": [site for site in found if site.is_allowed],
            "refused": [site for site in found if not site.is_allowed],
            "is_seen": any(site.is_allowed and site.last_seen_at for site in found),
            "form": form,
        },
        status=422 if form.errors else 200,
    )

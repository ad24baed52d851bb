"""The delivery log: what became of every lead, and sending again."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from chat.interface import lead_captured_at
from crm_sync.actions import replays
from crm_sync.errors import NothingToReplay
from crm_sync.forms import LogFilterForm, ReplaySinceForm
from crm_sync.queries import connections, deliveries
from tenants.actor import Actor
from tenants.errors import NotFound
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.MANAGE_CONNECTIONS)
@require_GET
def log(request: CompanyRequest) -> HttpResponse:
    form = LogFilterForm(request.GET, connections=connections.names())
    return render(
        request,
        "crm_sync/deliveries.html",
        {
            "title": "Delivery log",
            "form": form,
            "page": deliveries.page(form.wanted(timezone.now()), request.GET.get("page")),
            "is_filtered": any(request.GET.get(name) for name in form.fields),
        },
    )


@company_page(Permission.MANAGE_CONNECTIONS)
@require_GET
def delivery(request: CompanyRequest, delivery_id: uuid.UUID) -> HttpResponse:
    """One delivery with its attempts; `?part` leaves the page around it out, for the drawer."""
    template = "crm_sync/delivery_part.html" if "part" in request.GET else "crm_sync/delivery.html"
    entry = deliveries.entry(delivery_id)
    return render(
        request,
        template,
        {
            "title": "Delivery",
            "entry": entry,
            "captured_at": lead_captured_at(entry.delivery.lead_id),
            "attempts": deliveries.attempts(delivery_id),
        },
    )


@company_page(Permission.MANAGE_CONNECTIONS)
@require_POST
def replay(request: CompanyRequest) -> HttpResponseRedirect:
    """Send the ticked ones again."""
    chosen = [key for text in request.POST.getlist("delivery") if (key := _uuid(text))]
    try:
        count = replays.replay(
            company=request.company, actor=Actor.person(request.user), delivery_ids=chosen
        )
        messages.success(request, _again(count))
    except NothingToReplay as error:
        messages.error(request, str(error))
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("company_deliveries")


@company_page(Permission.MANAGE_CONNECTIONS)
@require_POST
def replay_since(request: CompanyRequest, connection_id: uuid.UUID) -> HttpResponseRedirect:
    """Send everything since a time again."""
    if connection_id not in dict(connections.names()):
        raise NotFound
    form = ReplaySinceForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose the day and time from which on leads go again.")
        return redirect("company_connection", connection_id)
    try:
        count = replays.replay_since(
            company=request.company,
            actor=Actor.person(request.user),
            connection_id=connection_id,
            since=form.cleaned_data["since"],
        )
        messages.success(request, _again(count))
    except NothingToReplay as error:
        messages.error(request, str(error))
    return redirect("company_connection", connection_id)


def _again(count: int) -> str:
    return "One lead goes again." if count == 1 else f"{count} leads go again."


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

"""Pages on which a company links its CRM."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm_sync import excerpts, holds
from crm_sync.actions import connections as actions
from crm_sync.connectors.base import Incoming, SettingsRefused
from crm_sync.connectors.registry import CONNECTORS, connector_of
from crm_sync.errors import SignsNothing, UnknownConnector
from crm_sync.forms import ConnectionForm, ReplaySinceForm
from crm_sync.queries import connections as queries
from crm_sync.queries import deliveries
from tenants.actor import Actor
from tenants.errors import NotFound, ProductError
from tenants.roles import Permission
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.MANAGE_CONNECTIONS)
@require_GET
def connections(request: CompanyRequest) -> HttpResponse:
    return render(
        request,
        "crm_sync/connections.html",
        {"title": "CRM", "cards": queries.cards(request.company)},
    )


@company_page(Permission.MANAGE_CONNECTIONS)
@require_GET
def pick(request: CompanyRequest) -> HttpResponse:
    health = holds.needs_baa(request.company)
    offered = [c for c in CONNECTORS.values() if c.may_carry_health_data or not health]
    return render(request, "crm_sync/pick.html", {"title": "Connect a CRM", "connectors": offered})


@company_page(Permission.MANAGE_CONNECTIONS)
@require_http_methods(["GET", "POST"])
def set_up(request: CompanyRequest, connector: str) -> HttpResponse:
    try:
        kind = connector_of(connector)
    except UnknownConnector:
        raise NotFound from None
    asks_baa = holds.needs_baa(request.company)
    if asks_baa and not kind.may_carry_health_data:
        raise NotFound
    form = ConnectionForm(
        connector=kind,
        asks_baa=asks_baa,
        data=request.POST or None,
        initial=kind.suggested(request.company),
    )
    if form.is_valid():
        try:
            made = actions.create(
                company=request.company,
                actor=Actor.person(request.user),
                connector=connector,
                name=form.cleaned_data["name"],
                values=form.values(),
                baa_reference=form.cleaned_data.get("baa_reference", ""),
            )
            return redirect("company_connection", made.pk)
        except SettingsRefused as error:
            form.refuse(error.fields)
    return render(
        request,
        "crm_sync/settings.html",
        {"title": kind.name, "connector": kind, "form": form, "is_new": True},
        status=422 if form.errors else 200,
    )


@company_page(Permission.MANAGE_CONNECTIONS)
@require_GET
def connection(request: CompanyRequest, connection_id: uuid.UUID) -> HttpResponse:
    return _page(request, connection_id)


@company_page(Permission.MANAGE_CONNECTIONS)
@require_http_methods(["GET", "POST"])
def change(request: CompanyRequest, connection_id: uuid.UUID) -> HttpResponse:
    card = queries.card(request.company, connection_id)
    stored = {
        **queries.stored_settings(card.connection),
        "name": card.connection.name,
        "baa_reference": card.connection.baa_reference,
    }
    form = ConnectionForm(
        connector=card.connector,
        asks_baa=holds.needs_baa(request.company),
        data=request.POST or None,
        initial=stored,
    )
    if form.is_valid():
        try:
            actions.change(
                company=request.company,
                actor=Actor.person(request.user),
                connection_id=connection_id,
                name=form.cleaned_data["name"],
                values=form.values(),
                baa_reference=form.cleaned_data.get("baa_reference", ""),
            )
            messages.success(request, "Saved. Send a test lead to see that it still arrives.")
            return redirect("company_connection", connection_id)
        except SettingsRefused as error:
            form.refuse(error.fields)
    return render(
        request,
        "crm_sync/settings.html",
        {"title": card.connection.name, "connector": card.connector, "form": form, "card": card},
        status=422 if form.errors else 200,
    )


@company_page(Permission.MANAGE_CONNECTIONS)
@require_POST
def test(request: CompanyRequest, connection_id: uuid.UUID) -> HttpResponse:
    trial = actions.send_test_lead(
        company=request.company, actor=Actor.person(request.user), connection_id=connection_id
    )
    return _page(request, connection_id, trial=trial)


@company_page(Permission.MANAGE_CONNECTIONS)
@require_GET
def preview(request: CompanyRequest, connection_id: uuid.UUID) -> HttpResponse:
    """What would be sent for a made-up lead, and whether the format's rules hold."""
    card = queries.card(request.company, connection_id)
    outgoing, problems = actions.preview(company=request.company, connection=card.connection)
    return render(
        request,
        "crm_sync/preview.html",
        {
            "title": f"Preview of {card.connection.name}",
            "card": card,
            "excerpt": excerpts.in_full(outgoing, Incoming()),
            "problems": problems,
        },
    )


@company_page(Permission.MANAGE_CONNECTIONS)
@require_POST
def secret(request: CompanyRequest, connection_id: uuid.UUID) -> HttpResponse:
    """Show the signing secrets; a POST, so that no address opens them by itself."""
    actor = Actor.person(request.user)
    try:
        shown = actions.show_secrets(
            company=request.company, actor=actor, connection_id=connection_id
        )
    except SignsNothing as error:
        messages.error(request, str(error))
        return redirect("company_connection", connection_id)
    return _page(request, connection_id, secrets=shown)


@company_page(Permission.MANAGE_CONNECTIONS)
@require_POST
def act(request: CompanyRequest, connection_id: uuid.UUID, action: str) -> HttpResponseRedirect:
    """Activate, pause, rotate or drop: each a button of the connection's page."""
    company, actor = request.company, Actor.person(request.user)
    try:
        match action:
            case "activate":
                actions.activate(company=company, actor=actor, connection_id=connection_id)
                said = "Active. New leads go out as they come."
            case "pause":
                actions.pause(company=company, actor=actor, connection_id=connection_id)
                said = "Paused. Leads are kept and go out when you resume."
            case "rotate":
                actions.rotate_secret(company=company, actor=actor, connection_id=connection_id)
                said = "There is a new signing secret. The old one signs too until you drop it."
            case "drop":
                actions.drop_old_secret(company=company, actor=actor, connection_id=connection_id)
                said = "Only the new secret signs now."
            case _:
                raise NotFound
    except NotFound:
        raise
    except ProductError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("company_connection", connection_id)


def _page(
    request: CompanyRequest,
    connection_id: uuid.UUID,
    *,
    trial: actions.Trial | None = None,
    secrets: list[str] | None = None,
) -> HttpResponse:
    card = queries.card(request.company, connection_id)
    signing = card.connector.signing_secrets(card.connection.credentials)
    wanted = deliveries.Filter(connection_id=connection_id)
    return render(
        request,
        "crm_sync/connection.html",
        {
            "title": card.connection.name,
            "card": card,
            "trial": trial,
            "secrets": secrets,
            "signs": bool(signing),
            "rotating": len(signing) > 1,
            "recent": deliveries.newest(wanted, 5),
            "since_form": ReplaySinceForm(),
        },
    )

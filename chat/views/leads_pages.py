"""The company's leads. Whoever looks at them stands in the audit log."""

import datetime
import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from chat.queries import leads as queries
from tenants import audit
from tenants.actor import Actor
from tenants.models import Verb
from tenants.queries.people import names_of
from tenants.roles import Permission, allows
from tenants.views.access import CompanyRequest, company_page

PER_PAGE = 30


@company_page(Permission.READ_LEADS)
@require_safe
def leads(request: CompanyRequest) -> HttpResponse:
    """The newest leads, `?before=` pages on. The list names people: opening it is one event."""
    found = queries.recent(limit=PER_PAGE, before=_before(request.GET.get("before", "")))
    if found:
        _record(request, "lead_list", request.company.id, leads=len(found))
    names = names_of({lead.agent_id for lead in found if lead.agent_id})
    return render(
        request,
        "chat/admin/leads.html",
        {
            "title": "Leads",
            "leads": [
                (lead, names.get(lead.agent_id, "") if lead.agent_id else "") for lead in found
            ],
            "next_before": found[-1].captured_at if len(found) == PER_PAGE else None,
            "is_first": "before" not in request.GET,
        },
    )


@company_page(Permission.READ_LEADS)
@require_safe
def lead(request: CompanyRequest, lead_id: uuid.UUID) -> HttpResponse:
    revision = queries.latest_revision(lead_id)
    payload = queries.payload(lead_id, revision)
    _record(request, "lead", lead_id, revision=revision)
    return render(
        request,
        "chat/admin/lead.html",
        {
            "title": payload.contact.name or payload.contact.email or "Lead",
            "lead": payload,
            "may_see_deliveries": allows(request.role, Permission.MANAGE_CONNECTIONS),
            "may_read_transcript": payload.conversation_id
            and allows(request.role, Permission.READ_CONVERSATIONS),
        },
    )


def _record(request: CompanyRequest, kind: str, target: uuid.UUID, **facts: int) -> None:
    audit.record(
        company_id=request.company.id,
        actor=Actor.person(request.user),
        verb=Verb.LEAD_READ,
        target_kind=kind,
        target_id=target,
        **facts,
    )


def _before(text: str) -> datetime.datetime | None:
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    return at if at is not None and timezone.is_aware(at) else None

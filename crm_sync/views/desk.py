"""The part of the desk that tells how far a lead has come."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.interface import lead_at_desk
from crm_sync.queries import deliveries
from tenants.context import in_company
from tenants.views.access import SignedInRequest, signed_in_page


@signed_in_page
@require_GET
def lead_deliveries(
    request: SignedInRequest, slug: str, conversation_id: uuid.UUID
) -> HttpResponse:
    """A chip for each connection that gets the lead of one of the person's own conversations.

    It says nothing of the lead itself, so looking at it is no reading of the lead.
    """
    found = lead_at_desk(user=request.user, slug=slug, conversation_id=conversation_id)
    with in_company(found.company):
        way = deliveries.way_of(found.company, found.lead_id, found.revision)
    return render(request, "crm_sync/desk_deliveries.html", {"way": way})

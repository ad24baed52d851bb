"""Reading conversations back. Whoever opens a transcript stands in the audit log."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.forms import ConversationFilterForm
from chat.models import Event
from chat.queries import conversations as queries
from chat.queries import thread
from chat.queries.event_bodies import StoredEvent
from tenants import audit
from tenants.actor import Actor
from tenants.models import Verb
from tenants.roles import Permission, allows
from tenants.views.access import CompanyRequest, company_page


@company_page(Permission.READ_CONVERSATIONS)
@require_safe
def conversations(request: CompanyRequest) -> HttpResponse:
    form = ConversationFilterForm(request.GET)
    wanted = form.wanted(request.company.time_zone)
    return render(
        request,
        "chat/admin/conversations.html",
        {
            "title": "Conversations",
            "form": form,
            "page": queries.page(request.company, wanted, request.GET.get("page")),
            "is_filtered": any(request.GET.get(name) for name in form.fields),
        },
    )


@company_page(Permission.READ_CONVERSATIONS)
@require_safe
def transcript(request: CompanyRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Up to thread.PAGE events after `?after=`; each opening is one event of the audit log."""
    line = queries.one(request.company, conversation_id)
    after = request.GET.get("after", "")
    first = int(after) if after.isdecimal() and len(after) < 16 else 0
    events = thread.events_after(conversation_id, first, for_visitor=False)
    audit.record(
        company_id=request.company.id,
        actor=Actor.person(request.user),
        verb=Verb.TRANSCRIPT_READ,
        target_kind="conversation",
        target_id=conversation_id,
        events=len(events),
    )
    return render(
        request,
        "chat/admin/transcript.html",
        {
            "title": f"Conversation with {line.visitor}",
            "line": line,
            "events": [_shown(event) for event in events],
            "next_after": events[-1].seq if len(events) == thread.PAGE else None,
            "may_read_lead": line.has_lead and allows(request.role, Permission.READ_LEADS),
        },
    )


_CHANGES = {
    "started": "The conversation started",
    "assigned": "{agent} took the conversation",
    "requeued": "The conversation waits for another agent",
    "closed": "The conversation was closed",
}


def _shown(event: StoredEvent) -> dict[str, object]:
    author = event.body.get("author") or {}
    words = event.kind in (Event.Kind.MESSAGE, Event.Kind.NOTE)
    kind = author.get("kind", "system") if words else "system"
    return {
        "at": event.at,
        "kind": "note" if event.kind == Event.Kind.NOTE else kind,
        "author": author.get("name") or ("Visitor" if kind == "visitor" else "Switchboard"),
        "text": event.body.get("text", "") if words else _change(event),
    }


def _change(event: StoredEvent) -> str:
    if event.kind == Event.Kind.LEAD_CHANGED:
        return "The lead was saved"
    sentence = _CHANGES.get(event.body.get("change", ""), "The conversation changed")
    return sentence.format(agent=(event.body.get("agent") or {}).get("name") or "An agent")

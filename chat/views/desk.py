"""The desk of agents and supervisors: one page on the platform site for all of their companies."""

import dataclasses
import datetime
import functools
import uuid
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from chat.actions import agents
from chat.models import Conversation
from chat.queries import branding
from chat.queries.desk_companies import DeskCompany, desk_companies, desk_company
from chat.queries.desk_thread import OpenConversation, ThreadEvent, open_conversation
from chat.queries.inbox import InboxRow, inbox
from chat.queries.visitors import shown_name
from routing import interface as routing
from tenants import audit
from tenants.actor import Actor
from tenants.context import in_company
from tenants.errors import CompanyGone, NotFound
from tenants.models import User, Verb
from tenants.queries.people import names_of
from tenants.resolution import CompanyRef, company_by_id

P = ParamSpec("P")

SHORTCUTS = (
    (("Alt", "A"), "Accept the chat that rings"),
    (("Alt", "J"), "Next chat"),
    (("Alt", "K"), "Previous chat"),
    (("Alt", "R"), "Write a reply"),
    (("Alt", "N"), "Write an internal note"),
    (("/",), "Canned replies, at the start of a word"),
    (("Alt", "E"), "End the chat"),
    (("Alt", "O"), "About the visitor"),
    (("Alt", "S"), "Your status"),
    (("Enter",), "Send"),
    (("Shift", "Enter"), "New line"),
    (("Shift", "?"), "This list"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class ShownOffer:
    """A ringing chat."""

    id: uuid.UUID
    company: CompanyRef
    key: str
    expires_at: datetime.datetime
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class ShownRow:
    """A row with what the person may do with it; `agent_name` where another's chat is watched."""

    row: InboxRow
    shown_name: str
    may_open: bool
    agent_name: str


DeskView = Callable[Concatenate[HttpRequest, User, list[DeskCompany], P], HttpResponse]


def desk_page(view: DeskView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Open the view to people who answer or watch chats; it gets them and their companies."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, request.user, desk_companies(request.user), *args, **kwargs)

    made = require_GET(never_cache(guarded))
    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", made)


@desk_page
def desk(request: HttpRequest, user: User, companies: list[DeskCompany]) -> HttpResponse:
    """The desk with no conversation open."""
    agents.enrol(user=user, companies=companies)
    return render(request, "chat/desk.html", _page(user, companies))


@desk_page
def conversation(
    request: HttpRequest,
    user: User,
    companies: list[DeskCompany],
    slug: str,
    conversation_id: uuid.UUID,
) -> HttpResponse:
    """The desk with a conversation open. That it was read is in the company's audit log.

    Whoever comes back to a chat that is not theirs any more finds their desk, and that said.
    """
    try:
        opened = _opened(user, companies, slug, conversation_id)
    except NotFound:
        page = {**_page(user, companies), "is_gone": True}
        return render(request, "chat/desk.html", page, status=404)
    return render(request, "chat/desk.html", _page(user, companies, opened))


@desk_page
def opened_part(
    request: HttpRequest,
    user: User,
    companies: list[DeskCompany],
    slug: str,
    conversation_id: uuid.UUID,
) -> HttpResponse:
    """The open conversation alone, for a desk that already stands; audited like the page."""
    opened = _opened(user, companies, slug, conversation_id)
    return render(request, "chat/desk/open.html", _open_context(opened))


@desk_page
def lists_part(request: HttpRequest, user: User, companies: list[DeskCompany]) -> HttpResponse:
    """The lists alone; `?open=` names the conversation that is open beside them."""
    open_key = request.GET.get("open", "")
    return render(request, "chat/desk/lists.html", _lists_context(user, companies, open_key))


@desk_page
def brands(request: HttpRequest, user: User, companies: list[DeskCompany]) -> HttpResponse:
    """A style sheet with the colours of the person's companies: pages hold no inline style."""
    rules = []
    for company in companies:
        with in_company(company.ref):
            colours = branding.brand(company.ref).colours
        rules.append(
            f".brand-{company.ref.slug}{{--brand:{colours.fill};--on-brand:{colours.on_fill};"
            f"--brand-text:light-dark({colours.text_light},{colours.text_dark});"
            f"--brand-line:light-dark({colours.control_light},{colours.control_dark})}}"
        )
    return HttpResponse("\n".join(rules), content_type="text/css; charset=utf-8")


def _opened(
    user: User, companies: list[DeskCompany], slug: str, conversation_id: uuid.UUID
) -> OpenConversation:
    company = desk_company(companies, slug)
    opened = open_conversation(user=user, company=company, conversation_id=conversation_id)
    audit.record(
        company_id=company.ref.id,
        actor=Actor.person(user),
        verb=Verb.TRANSCRIPT_READ,
        target_kind="conversation",
        target_id=conversation_id,
        where="desk",
        own=opened.thread.may_write,
    )
    return opened


def _page(
    user: User, companies: list[DeskCompany], opened: OpenConversation | None = None
) -> dict[str, Any]:
    now = timezone.now()
    return {
        **_lists_context(user, companies, opened.thread.key if opened else ""),
        **(_open_context(opened) if opened else {}),
        "companies": companies,
        "away_reasons": [
            (value, label)
            for value, label in routing.AwayReason.choices
            if value not in ("", routing.AwayReason.ABSENT, routing.AwayReason.MISSED)
        ],
        "dispositions": Conversation.Disposition.choices,
        "shortcuts": SHORTCUTS,
        "blank_message": ThreadEvent(seq=0, at=now, text="", is_message=True, side="own"),
        "blank_system": ThreadEvent(seq=0, at=now, text=""),
    }


def _open_context(opened: OpenConversation) -> dict[str, Any]:
    return {
        "thread": opened.thread,
        "visitor": opened.visitor,
        "lead": opened.lead,
        "replies": opened.replies,
    }


def _lists_context(user: User, companies: list[DeskCompany], open_key: str) -> dict[str, Any]:
    found = inbox(user=user, companies=companies)
    watched = {company.ref.id for company in companies if company.supervises}
    agents = names_of({row.agent_id for row in found.watched if row.agent_id})

    def shown(rows: list[InboxRow]) -> list[ShownRow]:
        return [
            ShownRow(
                row=row,
                shown_name=shown_name(row.visitor_name, row.visitor_id),
                may_open=row.agent_id == user.pk or row.company.id in watched,
                agent_name=agents.get(row.agent_id, "") if row.agent_id else "",
            )
            for row in rows
        ]

    return {
        "agent": _agent_state(user),
        "mine": shown(found.mine),
        "queue": shown(found.queue),
        "queued": found.queued,
        "watched": shown(found.watched),
        "offers": _offers(user),
        "supervises": bool(watched),
        "open_key": open_key,
    }


def _agent_state(user: User) -> routing.AgentState | None:
    try:
        return routing.agent_state(user.pk)
    except routing.NotAnAgent:
        return None


def _offers(user: User) -> list[ShownOffer]:
    shown = []
    for offer in routing.pending_offers(user.pk):
        try:
            company = company_by_id(offer.company_id)
        except CompanyGone:
            continue
        shown.append(
            ShownOffer(
                id=offer.offer_id,
                company=company,
                key=f"{company.slug}/{offer.conversation_id}",
                expires_at=offer.expires_at,
                why=offer.why,
            )
        )
    return shown

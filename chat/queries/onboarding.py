"""The way to a company's first chat, told by facts: nobody ticks a step off."""

import dataclasses

from django.conf import settings
from django.utils.module_loading import import_string

from chat.models import (
    AllowedOrigin,
    Branding,
    CannedReply,
    Conversation,
    OpenInterval,
    WidgetSighting,
)
from tenants.models import Invitation, Membership
from tenants.resolution import CompanyRef
from tenants.roles import Permission


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    key: str
    title: str
    text: str
    is_done: bool
    url_name: str
    action: str
    permission: Permission


def steps(company: CompanyRef) -> list[Step]:
    """Every step with whether it is done. Queries: 8 at most."""
    allowed = AllowedOrigin.objects.values("origin")
    return [
        Step(
            "branding",
            "Give the chat your look",
            "Name, logo, colour and the first words a visitor reads.",
            Branding.objects.exists(),
            "company_branding",
            "Choose",
            Permission.EDIT_BRANDING,
        ),
        Step(
            "install",
            "Put the line on your website",
            "Turns green when the chat is first loaded on a website you allow.",
            WidgetSighting.objects.filter(origin__in=allowed).exists(),
            "company_install",
            "Install",
            Permission.EDIT_BRANDING,
        ),
        Step(
            "hours",
            "Say when you are open",
            "Outside these hours visitors leave a message. Without them you are always open.",
            OpenInterval.objects.exists(),
            "company_hours",
            "Set hours",
            Permission.EDIT_HOURS,
        ),
        Step(
            "people",
            "Invite somebody",
            "Agents answer chats; a supervisor watches over them.",
            _somebody_else(company),
            "company_people",
            "Invite",
            Permission.MANAGE_PEOPLE,
        ),
        Step(
            "replies",
            "Write a canned reply",
            "Agents insert it by typing / and its shortcut.",
            CannedReply.objects.exists(),
            "company_replies",
            "Write",
            Permission.EDIT_REPLIES,
        ),
        Step(
            "crm",
            "Connect your CRM",
            "Leads are delivered as they are captured.",
            bool(import_string(settings.CRM_CONNECTED)()),
            "company_connections",
            "Connect",
            Permission.MANAGE_CONNECTIONS,
        ),
        Step(
            "chat",
            "Have the first chat",
            "Open your website and write to yourself.",
            Conversation.objects.exists(),
            "company_install",
            "Try it",
            Permission.EDIT_BRANDING,
        ),
    ]


def _somebody_else(company: CompanyRef) -> bool:
    return (
        Membership.objects.filter(company_id=company.id, ended_at__isnull=True).count() > 1
        or Invitation.objects.filter(company_id=company.id).exists()
    )

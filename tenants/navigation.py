"""The side navigation of the two admin sites."""

import dataclasses

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from tenants.roles import Permission, allows
from tenants.views.access import role_of


@dataclasses.dataclass(frozen=True, slots=True)
class NavEntry:
    """One line of the company's navigation: shown to roles with the permission."""

    label: str
    url_name: str
    permission: Permission
    icon: str
    group: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class NavLink:
    label: str
    href: str
    icon: str
    is_current: bool


COMPANY_NAVIGATION: list[NavEntry] = [
    NavEntry("Overview", "company_admin:index", Permission.VIEW_ADMIN, "home"),
    NavEntry("Conversations", "company_conversations", Permission.READ_CONVERSATIONS, "chats"),
    NavEntry("Leads", "company_leads", Permission.READ_LEADS, "lead"),
    NavEntry("Report", "company_report", Permission.VIEW_REPORTS, "chart"),
    NavEntry("Install", "company_install", Permission.EDIT_BRANDING, "code", "Chat"),
    NavEntry("Branding", "company_branding", Permission.EDIT_BRANDING, "brush", "Chat"),
    NavEntry("Office hours", "company_hours", Permission.EDIT_HOURS, "clock", "Chat"),
    NavEntry(
        "Canned replies",
        "company_admin:chat_cannedreply_changelist",
        Permission.EDIT_REPLIES,
        "reply",
        "Chat",
    ),
    NavEntry("People", "company_people", Permission.MANAGE_PEOPLE, "people", "Company"),
    NavEntry("CRM", "company_connections", Permission.MANAGE_CONNECTIONS, "link", "Company"),
    NavEntry("Audit log", "company_audit", Permission.VIEW_AUDIT, "shield", "Company"),
    NavEntry("Settings", "company_settings", Permission.MANAGE_PEOPLE, "gear", "Company"),
]


def company_navigation(request: HttpRequest) -> list[tuple[str, list[NavLink]]]:
    """The groups of links that the person's role opens, in order. Queries: 0 or 1."""
    role = role_of(request)
    groups: dict[str, list[NavLink]] = {}
    for entry in COMPANY_NAVIGATION:
        if role is None or not allows(role, entry.permission):
            continue
        try:
            href = reverse(entry.url_name)
        except NoReverseMatch:
            continue
        groups.setdefault(entry.group, []).append(
            NavLink(entry.label, href, entry.icon, _is_current(request.path, href))
        )
    return list(groups.items())


def _is_current(path: str, href: str) -> bool:
    return path == href or (href != "/admin/" and path.startswith(href))

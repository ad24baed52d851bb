"""What a role allows in a company. Roles come from memberships; nothing else gives a permission."""

import enum
import uuid

from tenants.models import Membership, Role, User

__all__ = ["Permission", "Role", "allows", "role_in"]


class Permission(enum.StrEnum):
    VIEW_ADMIN = "view_admin"
    EDIT_BRANDING = "edit_branding"
    EDIT_HOURS = "edit_hours"
    EDIT_REPLIES = "edit_replies"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_CONNECTIONS = "manage_connections"
    READ_CONVERSATIONS = "read_conversations"
    READ_LEADS = "read_leads"
    VIEW_REPORTS = "view_reports"
    EXPORT_REPORTS = "export_reports"
    VIEW_AUDIT = "view_audit"
    SERVE_CHATS = "serve_chats"
    SUPERVISE = "supervise"


_ALL = frozenset(Permission)
_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _ALL,
    Role.ADMIN: _ALL,
    Role.SUPERVISOR: frozenset(
        {
            Permission.VIEW_ADMIN,
            Permission.EDIT_REPLIES,
            Permission.READ_CONVERSATIONS,
            Permission.READ_LEADS,
            Permission.VIEW_REPORTS,
            Permission.SERVE_CHATS,
            Permission.SUPERVISE,
        }
    ),
    Role.AGENT: frozenset({Permission.SERVE_CHATS}),
    Role.AUDITOR: frozenset(
        {
            Permission.VIEW_ADMIN,
            Permission.VIEW_AUDIT,
            Permission.READ_CONVERSATIONS,
            Permission.VIEW_REPORTS,
        }
    ),
}


# The roles in which a person answers chats.
SERVING = tuple(
    role for role, permissions in _PERMISSIONS.items() if Permission.SERVE_CHATS in permissions
)


def allows(role: Role | None, permission: Permission) -> bool:
    return role is not None and permission in _PERMISSIONS[role]


def role_in(user: User, company_id: uuid.UUID) -> Role | None:
    """The person's role in the company; None for outsiders and the deactivated. Queries: 1."""
    role = (
        Membership.objects.filter(
            user=user, company_id=company_id, ended_at__isnull=True, user__is_active=True
        )
        .values_list("role", flat=True)
        .first()
    )
    return None if role is None else Role(role)

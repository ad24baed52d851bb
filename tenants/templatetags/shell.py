"""What the frame around every admin page shows."""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse

from tenants.addresses import platform_url
from tenants.admin_site import platform_admin_site
from tenants.navigation import NavLink, company_navigation
from tenants.roles import Permission, allows
from tenants.views.access import role_of

register = template.Library()


@register.simple_tag(takes_context=True)
def navigation(context: dict[str, Any]) -> list[tuple[str, list[NavLink]]]:
    """The side navigation of the site the request is on."""
    request = context["request"]
    if getattr(request, "company", None) is not None:
        return company_navigation(request)
    return platform_admin_site.navigation(request)


@register.simple_tag(takes_context=True)
def desk_link(context: dict[str, Any]) -> str:
    """The address of the desk for people who serve chats; '' for others."""
    role = role_of(context["request"])
    if role is None or not allows(role, Permission.SERVE_CHATS):
        return ""
    try:
        return platform_url(reverse("desk", urlconf="config.urls_public"))
    except NoReverseMatch:
        return ""

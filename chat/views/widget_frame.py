"""The chat's frame as a page: for a company's website, and for the preview in its admin site."""

import dataclasses
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chat import office_hours
from chat.queries import availability, branding
from tenants.resolution import CompanyRef

OFFERS_CONSENT = "You may also send me offers."


def logo_address(digest: str) -> str | None:
    """The path of the logo with this digest on the company's site, None where there is none."""
    return f"{reverse('widget_logo')}?v={digest[:16]}" if digest else None


def opening(company: CompanyRef) -> dict[str, Any]:
    """Open or closed now; the next opening and the next closing as ISO 8601 in UTC, or None."""
    schedule = availability.schedule(company)
    now = timezone.now()
    is_open = office_hours.is_open(schedule, now)
    opens = None if is_open else office_hours.next_opening(schedule, now)
    closes = office_hours.next_closing(schedule, now) if is_open else None
    return {
        "open": is_open,
        "opens_at": opens.isoformat() if opens else None,
        "closes_at": closes.isoformat() if closes else None,
    }


def frame_config(
    company: CompanyRef,
    brand: branding.Brand,
    *,
    origin: str,
    preview: bool = False,
) -> dict[str, Any]:
    """What the frame's script is told; nothing in it is secret."""
    return {
        "company": brand.name,
        "logo": logo_address(brand.logo_digest),
        "colours": dataclasses.asdict(brand.colours),
        "greeting": brand.greeting,
        "offline_message": brand.offline_message,
        "zone": company.time_zone,
        "opening": opening(company),
        "health_care": company.health_care_mode,
        "offers_consent": OFFERS_CONSENT,
        "origin": origin,
        "preview": preview,
    }


def frame_page(
    request: HttpRequest, company: CompanyRef, config: dict[str, Any], *, ancestors: str
) -> HttpResponse:
    """The frame itself, which only `ancestors` (a CSP source) may show."""
    response = render(request, "chat/widget.html", {"config": config, "company": company})
    response["Content-Security-Policy"] = frame_policy(request, ancestors)
    response["Cache-Control"] = "no-cache, private"
    return response


def frame_policy(request: HttpRequest, ancestors: str) -> str:
    """The frame's content security policy; older browsers want the socket named beside 'self'."""
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        f"connect-src 'self' {socket}; form-action 'none'; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )

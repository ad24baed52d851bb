"""What a company's website gets: the script, the frame, the visitor's token, the offline form."""

import datetime
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from chat import limits, origins, visitor_cookie, visitor_token
from chat.actions import leads, sightings, visits
from chat.errors import FieldsInvalid, OriginRefused
from chat.models import Branding
from chat.queries import branding
from chat.views.compression import compress
from chat.views.widget_frame import OFFERS_CONSENT, frame_config, frame_page, frame_policy, opening
from tenants.addresses import site_of
from tenants.errors import Invalid, NotFound
from tenants.resolution import CompanyRef
from tenants.views.access import SiteRequest

_LOADER = (Path(__file__).parent.parent / "static" / "widget" / "loader.js").read_text()
_LOGO_AGE = 365 * 24 * 3600


Body = TypeVar("Body", bound=msgspec.Struct)


class OriginNotAllowed(OriginRefused):
    code = "origin_not_allowed"
    message = "The chat may not be shown on this website."


class TokenRequest(msgspec.Struct):
    """`origin`: the website the frame stands on, as in its own address."""

    origin: str


class OfflineRequest(msgspec.Struct):
    """`id` is made by the form; sent again, it makes no second lead."""

    id: uuid.UUID
    origin: str
    fields: dict[str, str | bool]
    page_url: str = ""
    page_title: str = ""


@require_safe
def loader(request: SiteRequest) -> HttpResponseBase:
    """`/widget.js`: the launcher with the company's settings in it; notes where it was loaded."""
    company = request.company
    origin = _website_of(request)
    if origin is not None:
        sightings.note(company=company, origin=origin)
    body = _LOADER.replace("__CONFIG__", json.dumps(_loader_config(request, company)), 1)
    response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "public, max-age=60"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["ETag"] = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    compress(request, response)
    etag = response["ETag"]
    return get_conditional_response(request, etag=etag, response=response) or response


@require_safe
@xframe_options_exempt
def frame(request: SiteRequest) -> HttpResponse:
    """`/widget/?origin=`: the chat for the one website named; any other is told that it may not."""
    company = request.company
    try:
        origin = origins.normalise(request.GET.get("origin", ""))
    except Invalid:
        origin = ""
    if origin:
        sightings.note(company=company, origin=origin)
    if not origin or not branding.is_allowed(origin):
        response = render(
            request, "chat/widget_refused.html", {"origin": origin, "company": company}, status=403
        )
        # It holds nothing but the reason, and must be readable where the widget was put.
        response["Content-Security-Policy"] = frame_policy(request, "*")
        return response
    config = frame_config(company, branding.brand(company), origin=origin)
    response = frame_page(request, company, config, ancestors=origin)
    compress(request, response)
    return response


@require_safe
def state(request: SiteRequest) -> JsonResponse:
    """`/widget/state`: open or closed now, and until when."""
    response = JsonResponse(opening(request.company))
    response["Cache-Control"] = "no-store"
    return response


@csrf_exempt  # the Origin is checked instead: a site that frames us gets none of our cookies
@require_POST
def token(request: SiteRequest) -> JsonResponse:
    """`/widget/token`: who the visitor is, as a short-lived token; sets or renews their cookie."""
    company = request.company
    _require_own_page(request)
    origin = _allowed_origin(_body(request, TokenRequest).origin)
    limits.count_request(request, company, "token", limit=120, seconds=300)
    begun = _begin_visit(request, company, origin)
    response = JsonResponse(
        {
            "token": visitor_token.issue(company, begun.visitor_id, begun.visit_id, origin),
            "visitor": str(begun.visitor_id),
            "expires_in": visitor_token.MAX_AGE_SECONDS,
        }
    )
    response["Cache-Control"] = "no-store"
    visitor_cookie.write(response, begun.secret)
    return response


@csrf_exempt  # as above
@require_POST
def offline(request: SiteRequest) -> JsonResponse:
    """`/widget/offline`: the offline form; becomes a lead."""
    company = request.company
    _require_own_page(request)
    body = _body(request, OfflineRequest)
    origin = _allowed_origin(body.origin)
    limits.count_request(request, company, "offline", limit=20, seconds=600)
    private = company.health_care_mode
    try:
        # A refused form leaves no visitor behind.
        with transaction.atomic():
            begun = _begin_visit(request, company, origin)
            saved = leads.capture_offline(
                company=company,
                visitor_id=begun.visitor_id,
                client_id=body.id,
                fields=body.fields,
                consent_text=OFFERS_CONSENT if body.fields.get("consent_marketing") else "",
                page_url="" if private else body.page_url,
                page_title="" if private else body.page_title,
            )
    except FieldsInvalid as error:
        return JsonResponse(
            {"code": error.code, "message": str(error), "fields": error.fields}, status=422
        )
    response = JsonResponse({"lead": str(saved.lead_id)}, status=201)
    visitor_cookie.write(response, begun.secret)
    return response


@require_safe
def logo(request: HttpRequest) -> HttpResponseBase:
    """`/widget/logo`: the company's logo; with its digest in the address it is kept for a year."""
    found = branding.logo()
    if found is None:
        raise NotFound("This company has no logo.")
    picture, digest = found
    response = HttpResponse(picture, content_type="image/png")
    fresh = request.GET.get("v") == digest[:16]
    response["Cache-Control"] = f"public, max-age={_LOGO_AGE}, immutable" if fresh else "no-cache"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["ETag"] = f'"{digest}"'
    return get_conditional_response(request, etag=f'"{digest}"', response=response) or response


def _loader_config(request: HttpRequest, company: CompanyRef) -> dict[str, Any]:
    brand = branding.brand(company)
    at = opening(company)
    opens_in = None
    if at["opens_at"] is not None:
        opens = datetime.datetime.fromisoformat(at["opens_at"])
        opens_in = max(0, round((opens - timezone.now()).total_seconds() / 60)) * 60_000
    return {
        # Anybody may keep the script for others, so it is made of nothing that one request says.
        "origin": site_of(request.get_host()),
        "title": f"Chat with {brand.name}",
        "label": brand.launcher_label,
        "side": "left" if brand.position == Branding.Position.START else "right",
        "fill": brand.colours.fill,
        "on": brand.colours.on_fill,
        "page": not company.health_care_mode,
        "hidden": brand.hides_when_closed and not at["open"],
        "opens_in": opens_in,
    }


def _begin_visit(request: HttpRequest, company: CompanyRef, origin: str) -> visits.Begun:
    return visits.begin(
        company=company,
        secret=visitor_cookie.read(request),
        origin=origin,
        user_agent=request.headers.get("User-Agent", ""),
    )


def _body(request: HttpRequest, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(request.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid("Send JSON with the documented fields.") from None


def _allowed_origin(text: str) -> str:
    origin = origins.normalise(text)
    if not branding.is_allowed(origin):
        raise OriginNotAllowed
    return origin


def _require_own_page(request: HttpRequest) -> None:
    """Only the frame itself may post: it stands on this very host."""
    if request.headers.get("Origin") != _own_origin(request):
        raise OriginRefused


def _own_origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _website_of(request: HttpRequest) -> str | None:
    """The website that loads the script, as its browser tells; None where it does not."""
    told = request.headers.get("Origin") or request.headers.get("Referer")
    if not told or told == "null":
        return None
    try:
        return origins.normalise(told)
    except Invalid:
        return None

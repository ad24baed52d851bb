"""What every request gets: an id, a content security policy, errors turned into answers."""

import logging
import time
import uuid
from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.shortcuts import render

from tenants.errors import ProductError
from tenants.log_context import log_ids

GetResponse = Callable[[HttpRequest], HttpResponse]
logger = logging.getLogger("switchboard.request")


class RequestContextMiddleware:
    """Gives the request an id and logs its outcome by its route, which names no one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex
        started = time.perf_counter()
        with log_ids(request=request_id):
            # No text of the database can hold a NUL: such an address is nobody's.
            is_sound = "%00" not in request.META.get("QUERY_STRING", "")
            response = self.get_response(request) if is_sound else HttpResponseBadRequest()
            route = request.resolver_match.route if request.resolver_match else "(none)"
            _log(request, route, response, started)
        response["X-Request-Id"] = request_id
        return response


class ContentSecurityPolicyMiddleware:
    """A strict policy on every page; a view that needs another sets the header itself."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
            "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'",
        )
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class ProductErrorMiddleware:
    """Turns a ProductError into JSON for programs and a page for people."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, ProductError):
            return None
        if "text/html" in request.headers.get("Accept", ""):
            response = render(
                request, "errors/product_error.html", {"error": error}, status=error.http_status
            )
        else:
            response = JsonResponse(
                {"code": error.code, "message": str(error)}, status=error.http_status
            )
        if error.retry_after is not None:
            response["Retry-After"] = str(round(error.retry_after))
        return response


def dress(
    request: HttpRequest, response: HttpResponse, *, request_id: str, started: float
) -> HttpResponse:
    """Give an answer that was made on the event loop what every other gets on its way out."""
    framed = cast("GetResponse", XFrameOptionsMiddleware(lambda _: response))
    secured = cast("GetResponse", SecurityMiddleware(ContentSecurityPolicyMiddleware(framed)))
    dressed = secured(request)
    dressed["X-Request-Id"] = request_id
    _log(request, request.path.removeprefix("/"), dressed, started)
    return dressed


def _log(request: HttpRequest, route: str, response: HttpResponse, started: float) -> None:
    facts: dict[str, object] = {
        "status": response.status_code,
        "duration_ms": round((time.perf_counter() - started) * 1000, 1),
    }
    match = request.resolver_match
    if match and "conversation_id" in match.kwargs:
        facts["conversation"] = match.kwargs["conversation_id"]
    logger.info("%s /%s", request.method, route, extra=facts)

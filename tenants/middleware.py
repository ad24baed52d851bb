"""Enters the schema that the verified Host names, and leaves it when the answer is made."""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from tenants import resolution
from tenants.context import in_company, leave_all


class _HostKnown(HttpRequest):
    """A request on the site, a company's or the platform's, that its host names."""

    company: resolution.CompanyRef | None


class CompanyMiddleware:
    """Sets `request.company` (a CompanyRef, None on the platform site) and the URL conf.

    Any other host gets a bare 404 that tells nothing, before anything else runs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        leave_all()
        site = cast("_HostKnown", request)
        try:
            host = request.get_host()
        except DisallowedHost:
            return HttpResponse(status=404)
        if resolution.is_platform_host(host):
            site.company = None
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
            return self.get_response(request)
        company = resolution.company_by_host(host)
        if company is None:
            return HttpResponse(status=404)
        site.company = company
        request.urlconf = settings.ROOT_URLCONF
        with in_company(company):
            return self.get_response(request)

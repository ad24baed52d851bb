from typing import Any

from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """`company`: the CompanyRef of a company's site, None on the platform's; `csp_nonce`."""
    return {
        "company": getattr(request, "company", None),
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }

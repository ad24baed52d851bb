from typing import Any

from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """`company`: the CompanyRef of a company's site, None on the platform's."""
    return {"company": getattr(request, "company", None)}

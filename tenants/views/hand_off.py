"""From the platform site to a company's: a form posted across, never a token in an address."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tenants import audit
from tenants.actions import hand_offs
from tenants.actor import Actor
from tenants.addresses import company_url, platform_url
from tenants.errors import NotFound
from tenants.models import Company, User, Verb
from tenants.resolution import CompanyRef
from tenants.views.access import SignedInRequest, SiteRequest, signed_in_page

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@signed_in_page
@require_POST
def open_company(request: SignedInRequest, slug: str) -> HttpResponse:
    """Answer with a page that posts a fresh token to the company's site."""
    company = Company.objects.filter(slug=slug, state=Company.State.ACTIVE).first()
    if company is None:
        raise NotFound
    return hand_off_page(request, request.user, CompanyRef.of(company))


def hand_off_page(request: HttpRequest, user: User, company: CompanyRef) -> HttpResponse:
    """The page itself; raises NotFound for people without a role in the company."""
    response = render(
        request,
        "tenants/hand_off.html",
        {
            "target": company,
            "action": company_url(company.slug, "/hand-off/"),
            "token": hand_offs.issue(user=user, company=company),
        },
    )
    origin = company_url(company.slug, "")
    response["Cache-Control"] = "no-store"
    # The company's site believes only a form whose Origin is ours, which "same-origin" would hide.
    response["Referrer-Policy"] = "strict-origin"
    response["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"form-action {origin}; base-uri 'none'; frame-ancestors 'none'"
    )
    return response


@csrf_exempt
@never_cache
@require_POST
def arrive(request: SiteRequest) -> HttpResponse:
    """On the company's site: use the token up and sign its person in."""
    if request.headers.get("Origin") != platform_url(""):
        # Another site could otherwise sign its visitor in as somebody else.
        raise hand_offs.HandOffGone
    user = hand_offs.redeem(company=request.company, token=request.POST.get("token", ""))
    sign_in(request, user)
    return redirect("company_admin:index")


def sign_in(request: HttpRequest, user: User) -> None:
    """Start a session on this site and tell the audit log."""
    login(request, user, backend=BACKEND)
    company: CompanyRef | None = getattr(request, "company", None)
    audit.record(
        company_id=company.id if company else None,
        actor=Actor.person(user),
        verb=Verb.SIGNED_IN,
        target_kind="person",
        target_id=user.pk,
    )

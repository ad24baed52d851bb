"""A page as a company's own website would have it, with the chat on it: for development only."""

import dataclasses

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.addresses import company_url
from tenants.errors import NotFound
from tenants.models import Company


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """What a business sells, as a card of its page."""

    title: str
    price: str
    detail: str
    tone: str


@dataclasses.dataclass(frozen=True, slots=True)
class Business:
    """The words of a made-up business."""

    theme: str
    headline: str
    lead: str
    action: str
    menu: tuple[str, ...]
    offers_title: str
    offers: tuple[Offer, ...]
    promises: tuple[tuple[str, str], ...]
    address: str
    hours: tuple[tuple[str, str], ...]


_DEALERSHIP = Business(
    theme="cars",
    headline="The right car, without the runaround.",
    lead="Two hundred checked cars on one lot. Look at them, drive them, sleep on it.",
    action="Ask about a car",
    menu=("New cars", "Used cars", "Service", "Trade-in", "About us"),
    offers_title="Fresh on the lot",
    offers=(
        Offer("Estate 1.5 Hybrid", "€ 24,900", "2023 · 31,000 km · automatic", "blue"),
        Offer("City E, 52 kWh", "€ 18,450", "2022 · 24,500 km · electric", "red"),
        Offer("Van Crew L2", "€ 29,800", "2021 · 58,200 km · diesel", "sand"),
    ),
    promises=(
        ("150 points checked", "Every car, before it gets a price tag."),
        ("Seven days to change your mind", "Bring it back. We do not ask why."),
        ("Your old car counts", "A written trade-in price in twenty minutes."),
    ),
    address="Ringstraße 41, 20537 Hamburg",
    hours=(("Monday to Friday", "9:00 - 18:00"), ("Saturday", "10:00 - 14:00")),
)
_CLINIC = Business(
    theme="clinic",
    headline="Dentistry that takes its time.",
    lead="Gentle care for the whole family, from the first tooth to the last crown.",
    action="Ask us a question",
    menu=("Treatments", "New patients", "Our team", "Fees", "Find us"),
    offers_title="What we do most",
    offers=(
        Offer("Check-up and cleaning", "from $ 95", "45 minutes, X-rays where needed", "mint"),
        Offer("Aligners", "from $ 1,900", "Planned on a scan, no moulds", "sky"),
        Offer("Emergency visit", "today", "In pain? We keep two hours free each day", "rose"),
    ),
    promises=(
        ("No judging", "However long it has been: welcome back."),
        ("Fees before we start", "In writing, with what your plan covers."),
        ("Quiet rooms", "Headphones, breaks, and a hand if you like one."),
    ),
    address="118 Maple Avenue, Suite 2, Albany NY",
    hours=(("Monday to Thursday", "8:00 - 18:00"), ("Friday", "8:00 - 14:00")),
)
_SHOP = dataclasses.replace(
    _CLINIC,
    theme="shop",
    headline="Good things, made to last.",
    lead="A small shop with a large workbench behind it.",
    menu=("Shop", "Repairs", "Journal", "About us"),
    offers_title="From the workbench",
    offers=(
        Offer("Desk lamp", "€ 120", "Brass and oak", "sand"),
        Offer("Wall clock", "€ 85", "Silent movement", "sky"),
        Offer("Tool roll", "€ 60", "Waxed canvas", "mint"),
    ),
    promises=(
        ("Repairs for life", "If we made it, we mend it."),
        ("Sent the same day", "Ordered before two o'clock."),
        ("Ask the maker", "The people who answer also build."),
    ),
)
_BUSINESSES = {
    Company.Vertical.CAR_DEALERSHIP.value: _DEALERSHIP,
    Company.Vertical.HEALTH_CARE.value: _CLINIC,
}


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The business website of the company with this slug; there is none in production."""
    company = Company.objects.filter(slug=slug, state=Company.State.ACTIVE).first()
    if not settings.IS_DEVELOPMENT or company is None:
        raise NotFound
    site = company_url(slug, "")
    response = render(
        request,
        "chat/demo/page.html",
        {
            "business": _BUSINESSES.get(company.vertical, _SHOP),
            "name": company.name,
            "widget": company_url(slug, "/widget.js"),
        },
    )
    # As strict as a website can be that shows the chat: our host in two places and nothing else.
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; script-src {site}; "
        f"frame-src {site}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    # What browsers do on a website that says nothing.
    response["Referrer-Policy"] = "strict-origin-when-cross-origin"
    return response

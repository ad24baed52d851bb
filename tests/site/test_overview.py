"""The checklist follows facts, and the install page shows where the widget is."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from chat.models import AllowedOrigin, Branding, CannedReply, OpenInterval, WidgetSighting
from crm_sync.models import Connection
from tenants.context import in_company
from tenants.models import AuditEvent, Membership, Role
from tests.cast import Cast
from tests.site.stories import conversation, lead

pytestmark = pytest.mark.django_db

SITE = "https://www.initech.example"


def done(client: Client) -> set[str]:
    steps = client.get("/admin/checklist/").context["steps"]
    return {step.key for step, _ in steps if step.is_done}


def test_each_step_turns_green_by_its_own_fact(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.ivan, cast.initech)
    with in_company(cast.initech):
        Branding.objects.all().delete()
        CannedReply.objects.all().delete()
    assert done(client) == set()
    seen: set[str] = set()

    def step(key: str) -> None:
        seen.add(key)
        assert done(client) == seen

    with in_company(cast.initech):
        Branding.objects.create(name="Initech")
    step("branding")
    with in_company(cast.initech):
        # Loaded where it is not allowed, it is not installed.
        WidgetSighting.objects.create(origin="https://evil.example", last_seen_at=timezone.now())
    assert done(client) == seen
    with in_company(cast.initech):
        WidgetSighting.objects.create(origin=SITE, last_seen_at=timezone.now())
    step("install")
    with in_company(cast.initech):
        OpenInterval.objects.create(weekday=0, opens="09:00", closes="17:00")
    step("hours")
    client.post("/admin/people/invite/", {"email": "n@people.example", "role": "agent"})
    step("people")
    with in_company(cast.initech):
        CannedReply.objects.create(shortcut="hi", title="Hi", body="Hi!")
    step("replies")
    with in_company(cast.initech):
        Connection.objects.create(
            connector="webhook",
            name="x",
            settings="{}",
            credentials="{}",
            state="active",
            tested_at=timezone.now(),
        )
    step("crm")
    conversation(cast.initech)
    step("chat")
    assert b"Everything is set up" in client.get("/admin/").content


def test_facts_of_one_company_turn_nothing_green_at_another(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.ivan, cast.initech)
    before = done(client)
    conversation(cast.acme)
    Membership.objects.create(user=cast.ivan, company_id=cast.globex.id, role=Role.AGENT)
    assert done(client) == before


def test_the_figures_count_this_company_alone(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    conversation(cast.acme)
    conversation(cast.initech)
    lead(cast.initech)
    figures = client_for(cast.olga, cast.acme).get("/admin/").context["figures"]
    assert (figures.waiting, figures.with_agents) == (0, 0)
    assert (figures.started_today, figures.started_this_week) == (1, 1)
    assert figures.leads_this_week == 0


def test_the_line_is_one_line_for_this_company(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    page = client_for(cast.olga, cast.acme).get("/admin/install/").content.decode()
    line = (
        "&lt;script async src=&quot;http://acme.localhost:8000/widget.js&quot;&gt;&lt;/script&gt;"
    )
    assert line in page
    assert "Waiting for the first load" in page


def test_a_loaded_widget_is_seen_and_where_it_is_not_allowed(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.olga, cast.acme)
    for website in ("https://www.acme.example", "https://other.example"):
        answer = client_for(None, cast.acme).get("/widget.js", headers={"referer": f"{website}/x"})
        assert answer.status_code == 200
    found = client.get("/admin/install/seen/").json()["websites"]
    assert [(site["origin"], site["allowed"]) for site in found] == [
        ("https://www.acme.example", True),
        ("https://other.example", False),
    ]
    assert all(site["at"] for site in found)
    page = client.get("/admin/install/").content.decode()
    assert "Seen on <strong>https://www.acme.example</strong>" in page
    assert "Loaded on <strong>https://other.example</strong>, which is not allowed" in page


def test_websites_are_allowed_and_removed(cast: Cast, client_for: Callable[..., Client]) -> None:
    client = client_for(cast.olga, cast.acme)
    for address in ("shop.acme.example/cars?x=1", "https://SHOP.acme.example"):
        assert client.post("/admin/install/websites/", {"website": address}).status_code == 302
    with in_company(cast.acme):
        assert set(AllowedOrigin.objects.values_list("origin", flat=True)) == {
            "https://www.acme.example",
            "https://shop.acme.example",
        }
    client.post("/admin/install/websites/", {"remove": "https://shop.acme.example"})
    with in_company(cast.acme):
        assert AllowedOrigin.objects.count() == 1
    told = AuditEvent.objects.filter(company_id=cast.acme.id, target_kind="website")
    assert list(told.order_by("number").values_list("facts__change", flat=True)) == [
        "allowed",
        "removed",
    ]


@pytest.mark.parametrize(
    "address", ["", "javascript:alert(1)", "http://a b.example", "ftp://x.example"]
)
def test_what_is_no_website_is_refused_and_changes_nothing(
    cast: Cast, client_for: Callable[..., Client], address: str
) -> None:
    events = AuditEvent.objects.count()
    answer = client_for(cast.olga, cast.acme).post("/admin/install/websites/", {"website": address})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["website"]
    with in_company(cast.acme):
        assert AllowedOrigin.objects.count() == 1
    assert AuditEvent.objects.count() == events


def test_another_companys_website_cannot_be_removed(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    answer = client_for(cast.olga, cast.acme).post("/admin/install/websites/", {"remove": SITE})
    assert answer.status_code == 404
    with in_company(cast.initech):
        assert AllowedOrigin.objects.filter(origin=SITE).exists()

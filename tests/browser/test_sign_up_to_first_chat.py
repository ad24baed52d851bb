"""A company signs up, puts one line on its website, and answers its first visitor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from chat.models import Conversation
from tenants.context import in_company
from tenants.models import Company, Role
from tenants.resolution import CompanyRef
from tenants.schemas import refill_spares
from tests.browser import people
from tests.browser.website import Website
from tests.cast import PASSWORD, Cast
from tests.servers import Daphne

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.real_commits


def test_a_company_is_live_and_answers_its_first_visitor_minutes_after_sign_up(
    cast: Cast,
    served: Daphne,
    website: Callable[[CompanyRef], Website],
    new_context: Callable[..., BrowserContext],
) -> None:
    _refill()
    owner = new_context(viewport={"width": 1440, "height": 900}, timezone_id="Europe/Madrid")
    page = owner.new_page()
    page.goto(served.url())
    page.locator("a[href='/sign-up/']").first.click()
    page.fill("[name=name]", "Hana Hooli")
    page.fill("[name=email]", "hana@hooli.example")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=company]", "Hooli Bikes")
    page.fill("[name=slug]", "hooli")
    page.fill("[name=website]", "https://www.hooli.example")
    assert page.input_value("[name=time_zone]") == "Europe/Madrid"
    page.click("main button[type=submit]")
    page.wait_for_url(f"http://hooli.localhost:{served.port}/admin/")
    company = CompanyRef.of(Company.objects.get(slug="hooli"))
    assert (company.name, company.time_zone) == ("Hooli Bikes", "Europe/Madrid")
    assert [m.role for m in Company.objects.get(slug="hooli").memberships.all()] == [Role.OWNER]

    # The line goes on the website, which is added to the allowed ones.
    site = website(company)
    page.goto(served.url(company, "/admin/install/"))
    line = page.inner_text("#snippet")
    assert line == f'<script async src="{served.url(company, "/widget.js")}"></script>'
    page.fill("[name=website]", site.origin)
    page.press("[name=website]", "Enter")
    page.wait_for_selector(f".plain-list >> text={site.origin}")

    visitor = new_context().new_page()
    frame = people.open_chat(visitor, site.origin)
    # It turns green by itself.
    page.wait_for_selector(f"[data-seen-list] >> text=Seen on {site.origin}", timeout=20_000)

    desk = owner.new_page()
    people.open_desk(desk, served)
    people.write(frame, "Do you repair tandems?")
    people.accept_offer(desk)
    desk.wait_for_selector("#log >> text=Do you repair tandems?")
    people.answer(desk, "Every day!")
    frame.wait_for_selector("text=Every day!")
    with in_company(company):
        assert Conversation.objects.get().state == Conversation.State.ASSIGNED
    for other in cast.companies:
        with in_company(other):
            assert not Conversation.objects.exists()


def _refill() -> None:
    """Make spares as a worker does: outside of the browser driver's event loop."""
    thread = threading.Thread(target=refill_spares)
    thread.start()
    thread.join(60)

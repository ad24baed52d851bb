"""The CRM pages as a person sees them: looked at by axe, and worked with."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crm_sync.actions.deliveries import create_deliveries, send_due
from crm_sync.models import Delivery
from tenants.context import in_company
from tests.accessibility import assert_accessible
from tests.browser.people import sign_in
from tests.cast import Cast
from tests.crm_sync import builders, doubles
from tests.crm_sync.doubles import HttpDouble
from tests.servers import Daphne

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.real_commits
# Where a developer wants the pictures; none are taken without it.
PICTURES = os.environ.get("SCREENSHOTS")

# Answers when the page has been drawn anew.
TWO_FRAMES = "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


def _look(page: "Page", name: str) -> None:
    """No violation at either width, in light and in dark."""
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # Colours fade into the other scheme; a busy machine draws it late.
        page.wait_for_timeout(300)
        page.evaluate(TWO_FRAMES)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{scheme}.png", full_page=True)


def test_a_person_links_tries_and_watches_a_crm(
    cast: Cast,
    crm: HttpDouble,
    served: Daphne,
    new_context: "Callable[..., BrowserContext]",
) -> None:
    crm.answers = [doubles.status(200, b'{"id": 42}', X_Request_Id="req-42")]
    context = new_context()
    sign_in(context, served, cast.olga, served.host(cast.acme))
    page = context.new_page()
    page.goto(served.url(cast.acme, "/admin/crm/"))
    _look(page, "empty")
    page.get_by_role("link", name="Connect a CRM").first.click()
    _look(page, "pick")
    page.get_by_role("link", name="Choose Signed webhook").click()
    page.get_by_label("Address").fill("https://169.254.169.254/")
    page.get_by_role("button", name="Save and go on to the test").click()
    page.get_by_text("This address belongs to a private network.").wait_for()
    _look(page, "settings")
    page.get_by_label("Address").fill(crm.url)
    page.get_by_role("button", name="Save and go on to the test").click()
    page.get_by_role("button", name="Send a test lead").click()
    page.get_by_text("The test lead arrived.").wait_for()
    _look(page, "tested")
    page.get_by_role("button", name="Activate").click()
    page.get_by_text("Active. New leads go out as they come.").wait_for()
    page.get_by_role("button", name="Show").click()
    page.get_by_text("whsec_").wait_for()

    with in_company(cast.acme):
        dealer = builders.adf(cast.acme)
        lead_id = builders.captured(cast.acme, notes="secret words")
        create_deliveries(company=cast.acme, lead_id=lead_id)
        for link in Delivery.objects.values_list("connection_id", flat=True):
            if link != dealer.pk:
                send_due(company=cast.acme, connection_id=link)
    page.goto(served.url(cast.acme, "/admin/crm/"))
    _look(page, "connections")
    page.goto(served.url(cast.acme, f"/admin/crm/{dealer.pk}/preview/"))
    _look(page, "preview")
    page.goto(served.url(cast.acme, "/admin/crm/deliveries/?state=delivered"))
    _look(page, "log")
    page.get_by_role("link", name=str(lead_id)[:8]).click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_text("Attempt 1").wait_for()
    assert "secret words" not in drawer.inner_text()
    assert "req-42" in drawer.inner_text()
    _look(page, "drawer")
    drawer.get_by_role("button", name="Send again").click()
    page.get_by_text("One lead goes again.").wait_for()
    _look(page, "delivery")

"""Every page in a real browser: no violation of WCAG 2.2 AA, of our policy or of the width."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from playwright.sync_api import expect

from tests.accessibility import violations
from tests.cast import PASSWORD, Cast
from tests.servers import Daphne
from tests.site.stories import conversation, lead

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.real_commits

LOOKS = [("light", 1280), ("dark", 390)]
PLATFORM = ["/", "/sign-up/", "/accounts/login/", "/accounts/password/reset/"]
COMPANY = [
    "/admin/",
    "/admin/install/",
    "/admin/conversations/",
    "/admin/leads/",
    "/admin/people/",
    "/admin/audit/",
    "/admin/settings/",
    "/admin/chat/cannedreply/",
    "/admin/chat/cannedreply/add/",
]
OPERATIONS = ["/admin/", "/admin/tenants/company/", "/admin/tenants/auditevent/"]


def sign_in(page: "Page", address: str, email: str) -> None:
    page.goto(f"{address}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/accounts/" not in url)


def problems(page: "Page", url: str) -> list[str]:
    """What is wrong with the page, in words; axe's own noise is not counted."""
    console: list[str] = []
    page.on("console", lambda line: console.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: console.append(str(error)))
    page.goto(url)
    found = [f"{url} {line}" for line in console]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{url} is wider than the window")
    # A list that scrolls sideways hides what it does not name.
    if page.evaluate(
        "[...document.querySelectorAll('.table-scroll:has(.table--cards)')]"
        ".some(list => list.scrollWidth > list.clientWidth)"
    ):
        found.append(f"{url} hides columns of its list")
    return found + [f"{url} {violation}" for violation in violations(page)]


def look(
    new_context: "Callable[..., BrowserContext]",
    look: tuple[str, int],
    address: str,
    email: str | None,
    paths: list[str],
) -> list[str]:
    scheme, width = look
    context = new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    if email:
        sign_in(context.new_page(), address, email)
    return [
        problem for path in paths for problem in problems(context.new_page(), f"{address}{path}")
    ]


@pytest.mark.parametrize("scheme_and_width", LOOKS)
def test_the_platforms_pages(
    cast: Cast,
    served: Daphne,
    new_context: "Callable[..., BrowserContext]",
    scheme_and_width: tuple[str, int],
) -> None:
    assert look(new_context, scheme_and_width, served.url(path=""), None, PLATFORM) == []


@pytest.mark.parametrize("scheme_and_width", LOOKS)
def test_a_companys_pages(
    cast: Cast,
    served: Daphne,
    new_context: "Callable[..., BrowserContext]",
    scheme_and_width: tuple[str, int],
) -> None:
    chat = conversation(cast.acme, agent=cast.ana)
    saved = lead(cast.acme)
    paths = [*COMPANY, f"/admin/conversations/{chat}/", f"/admin/leads/{saved}/"]
    address = served.url(cast.acme, "")
    assert look(new_context, scheme_and_width, address, "olga@people.example", paths) == []


@pytest.mark.parametrize("scheme_and_width", LOOKS)
def test_the_operators_pages(
    cast: Cast,
    served: Daphne,
    new_context: "Callable[..., BrowserContext]",
    scheme_and_width: tuple[str, int],
) -> None:
    address = served.url(path="")
    assert look(new_context, scheme_and_width, address, "otto@people.example", OPERATIONS) == []


def test_on_a_phone_a_row_is_a_card_its_name_first_each_value_by_its_column(
    cast: Cast, served: Daphne, new_context: "Callable[..., BrowserContext]"
) -> None:
    page = new_context(viewport={"width": 390, "height": 844}).new_page()
    sign_in(page, served.url(cast.acme, ""), "olga@people.example")
    page.goto(served.url(cast.acme, "/admin/audit/"))
    line = page.get_by_role("table").get_by_role("row").first
    assert line.get_by_role("rowheader").inner_text() == "Signed in"
    assert line.get_by_role("cell").evaluate_all(
        "cells => cells.map(cell => getComputedStyle(cell, '::before').content)"
    ) == ['"No."', '"When"', '"Who"', '"Thing"']
    assert line.evaluate(
        "row => [...row.cells].map(cell => cell.getBoundingClientRect().top)"
        ".every((top, place, tops) => place === 3 || top === 0 || top > tops[3])"
    )
    page.set_viewport_size({"width": 1280, "height": 844})
    assert page.get_by_role("columnheader").all_inner_texts() == [
        "No.", "When", "Who", "What", "Thing", "Facts",
    ]  # fmt: skip


def test_djangos_pages_are_written_as_large_and_mark_wrong_fields_as_ours(
    cast: Cast, served: Daphne, page: "Page"
) -> None:
    sign_in(page, served.url(cast.acme, ""), "olga@people.example")
    page.goto(served.url(cast.acme, "/admin/chat/cannedreply/add/"))
    page.locator("main form").evaluate("form => form.noValidate = true")
    page.click("[name=_save]")
    expect(page.get_by_text("Fill this in.")).to_have_count(3)
    django = looks_of(page, "title")
    page.goto(served.url(cast.acme, "/admin/settings/"))
    page.fill("[name=name]", "")
    page.locator("main form").evaluate("form => form.noValidate = true")
    page.locator("main").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Fill this in.")).to_have_count(1)
    assert looks_of(page, "name") == django


def looks_of(page: "Page", name: str) -> object:
    """The size of the navigation's words, and the border of a field."""
    return page.evaluate(
        """name => {
            const field = getComputedStyle(document.querySelector(`[name=${name}]`));
            const link = getComputedStyle(document.querySelector(".nav-link"));
            return [link.fontSize, field.borderColor, field.boxShadow];
        }""",
        name,
    )


def test_a_company_signs_up_in_a_browser_and_arrives(
    cast: Cast, served: Daphne, page: "Page"
) -> None:
    page.goto(served.url(path="/sign-up/"))
    for name, value in {
        "name": "Nora New",
        "email": "nora@people.example",
        "password": PASSWORD,
        "company": "Hooli",
        "website": "hooli.example",
    }.items():
        page.fill(f"[name={name}]", value)
    assert page.input_value("[name=time_zone]") == page.evaluate(
        "Intl.DateTimeFormat().resolvedOptions().timeZone"
    )
    page.click("main button[type=submit]")
    page.wait_for_url(f"http://hooli.localhost:{served.port}/admin/", timeout=60_000)
    assert page.get_by_role("heading", name="To your first chat").is_visible()
    assert "token" not in page.url


def test_the_install_page_sees_the_widget_by_itself(
    cast: Cast, served: Daphne, page: "Page", client_for: Callable[..., Client]
) -> None:
    sign_in(page, served.url(cast.acme, ""), "olga@people.example")
    page.goto(served.url(cast.acme, "/admin/install/"))
    page.get_by_text("Waiting for the first load").wait_for()
    website = {"referer": "https://www.acme.example/cars"}
    client_for(None, cast.acme).get("/widget.js", headers=website)
    page.get_by_text("Seen on https://www.acme.example").wait_for()

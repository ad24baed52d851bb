"""The widget in a real browser, on a website of another origin that forbids nearly everything."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chat.models import Branding, Conversation, HoursException, Lead, OpenInterval, Visit, Visitor
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.accessibility import assert_accessible
from tests.browser.people import open_chat, said_to_visitor, sign_in, write
from tests.browser.website import Website
from tests.cast import Cast
from tests.servers import Daphne

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Frame, Page

pytestmark = pytest.mark.real_commits
NewContext = Callable[..., "BrowserContext"]
PHONE = {"viewport": {"width": 390, "height": 844}}
# Colours go by the scheme and layout by the width, so two looks show all four.
LOOKS = [{"color_scheme": "light"}, {"color_scheme": "dark", **PHONE}]


@pytest.fixture
def website(cast: Cast, served: Daphne) -> Iterator[Website]:
    site = Website(cast.acme, served.url(cast.acme, "").rstrip("/"))
    yield site
    site.close()


@pytest.fixture
def visitor_page(new_context: NewContext) -> Callable[..., Page]:
    """A function that opens a page which keeps what went wrong on it."""

    def make(**options: Any) -> Page:
        page = new_context(**options).new_page()
        wrong: list[str] = []
        page.wrong = wrong  # type: ignore[attr-defined]

        def failed(error: Error) -> None:
            wrong.append(str(error))

        def said(message: ConsoleMessage) -> None:
            if message.type == "error":
                wrong.append(message.text)

        page.on("pageerror", failed)
        page.on("console", said)
        return page

    return make


def close_today(company: CompanyRef) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    with in_company(company):
        HoursException.objects.bulk_create(
            HoursException(date=today + datetime.timedelta(days=days)) for days in (-1, 0, 1)
        )


def wait_until_closed(page: Page, served: Daphne, company: CompanyRef) -> None:
    """The server keeps the hours for fifteen seconds."""
    for _ in range(80):
        answer = page.goto(served.url(company, "/widget/state"))
        assert answer is not None
        if answer.json()["open"] is False:
            return
        page.wait_for_timeout(250)
    raise AssertionError("The company did not close.")


def picture(page: Page, name: str) -> None:
    """Keeps a screenshot where SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"widget-{name}.png")


def frame_address(served: Daphne, cast: Cast, website: Website) -> str:
    return served.url(cast.acme, f"/widget/?origin={website.origin}")


def test_a_visitor_chats_under_a_policy_that_names_our_host_alone(
    cast: Cast, served: Daphne, website: Website, visitor_page: Callable[..., Page]
) -> None:
    website.allow_on(cast.acme)
    page = visitor_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(website.origin)
    page.wait_for_selector("[data-switchboard=host]", state="attached")
    with in_company(cast.acme):
        assert not Visitor.objects.exists()
    assert page.context.cookies() == []
    frame = open_chat(page, website.origin)
    write(frame, "Hello <b>there</b>, see https://example.com/x.")
    frame.wait_for_selector(".line__foot:has-text('Sent')")
    assert said_to_visitor(frame) == ["Hello <b>there</b>, see https://example.com/x."]
    link = frame.locator(".bubble a")
    assert link.get_attribute("href") == "https://example.com/x"
    assert "noopener" in str(link.get_attribute("rel"))
    with in_company(cast.acme):
        assert Conversation.objects.get().visitor_id == Visitor.objects.get().pk
        assert Visit.objects.get().origin == website.origin
    cookie = next(c for c in page.context.cookies() if c["name"] == "__Host-visitor")
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "None")
    assert cookie["partitionKey"]
    hosts = {url.split("/")[2] for url in requests}
    assert hosts == {website.origin.split("/")[2], served.host(cast.acme)}
    assert not [url for url in requests if "token=" in url]
    assert page.wrong == []  # type: ignore[attr-defined]


def test_the_chat_goes_on_after_the_page_is_loaded_again(
    cast: Cast, website: Website, visitor_page: Callable[..., Page]
) -> None:
    website.allow_on(cast.acme)
    page = visitor_page()
    frame = open_chat(page, website.origin)
    write(frame, "First")
    frame.wait_for_selector(".line__foot:has-text('Sent')")
    page.reload()
    page.wait_for_selector("[data-switchboard=host]", state="attached")
    frame = _frame_of(page)
    frame.wait_for_selector("#log .bubble:has-text('First')")
    assert said_to_visitor(frame) == ["First"]
    frame.click("#end")
    frame.click("#ask [value=end]")
    frame.wait_for_selector("#ended:visible")
    assert frame.locator(".event").last.inner_text() == "You ended the chat"
    frame.click("#again")
    assert said_to_visitor(frame) == []


def test_a_long_name_has_two_lines_beside_the_button_that_ends_the_chat(
    website: Website, cast: Cast, visitor_page: Callable[..., Page]
) -> None:
    website.allow_on(cast.acme)
    page = visitor_page(viewport={"width": 360, "height": 740})
    frame = open_chat(page, website.origin)
    write(frame, "First")
    frame.get_by_role("button", name="End chat").wait_for()
    name = frame.locator("#company")
    name.evaluate("name => name.textContent = 'Bright Smile Dental Practice'")
    shown, whole = name.evaluate("name => [name.clientHeight, name.scrollHeight]")
    assert (shown, whole) == (43, 43)
    assert name.evaluate("name => name.scrollWidth <= name.clientWidth")


def test_on_a_website_that_is_not_allowed_the_frame_says_what_to_do(
    cast: Cast, website: Website, visitor_page: Callable[..., Page]
) -> None:
    page = visitor_page()
    page.goto(website.origin)
    page.wait_for_selector("[data-switchboard=host]", state="attached")
    page.mouse.click(1280 - 50, 720 - 50)
    frame = _frame_of(page)
    frame.wait_for_selector(f"strong:has-text('{website.origin}')")
    with in_company(cast.acme):
        assert not Visitor.objects.exists()


def test_a_closed_company_says_when_it_opens_and_takes_a_message(
    cast: Cast, served: Daphne, visitor_page: Callable[..., Page]
) -> None:
    # Not the company of the other tests: the server remembers that it is closed for a while.
    company = cast.initech
    website = Website(company, served.url(company, "").rstrip("/")).allow_on(company)
    close_today(company)
    page = visitor_page(**PHONE)
    wait_until_closed(page, served, company)
    page.goto(website.origin)
    page.wait_for_selector("[data-switchboard=host]", state="attached")
    page.mouse.click(390 - 50, 844 - 50)
    frame = _frame_of(page)
    frame.wait_for_selector("#offline:visible")
    assert "Closed. We open" in frame.inner_text("#presence")
    assert not frame.is_visible("#composer")
    picture(page, "closed-phone")
    frame.click("#offline [type=submit]")
    frame.wait_for_selector("#offline-name[aria-invalid=true]")
    assert frame.inner_text("#offline-email-error") == "Give an e-mail address or a phone number."
    with in_company(company):
        assert not Lead.objects.exists()
    frame.fill("#offline-name", "Vera Visitor")
    frame.fill("#offline-email", "vera@example.com")
    frame.fill("#offline-notes", "Please call me.")
    frame.click("#offline [type=submit]")
    frame.wait_for_selector("#sent:visible")
    with in_company(company):
        lead = Lead.objects.get()
        assert (lead.source, lead.phase) == ("offline_form", "closed_day")
    website.close()


@pytest.mark.parametrize("look", LOOKS, ids=["light desktop", "dark phone"])
def test_the_frame_can_be_used_by_everybody(
    cast: Cast,
    served: Daphne,
    website: Website,
    visitor_page: Callable[..., Page],
    look: dict[str, Any],
) -> None:
    website.allow_on(cast.acme)
    with in_company(cast.acme):
        Branding.objects.update(colour="#ffd100")
    name = f"{look['color_scheme']}-{'phone' if 'viewport' in look else 'desktop'}"
    whole = visitor_page(**look)
    frame = open_chat(whole, website.origin)
    picture(whole, f"open-{name}")
    write(frame, "Hello! Is the blue estate still there?")
    frame.wait_for_selector(".line__foot:has-text('Sent')")
    picture(whole, f"chat-{name}")
    assert whole.wrong == []  # type: ignore[attr-defined]
    # axe sees one document at a time, so the frame's is opened by itself.
    alone = visitor_page(**look)
    alone.goto(frame_address(served, cast, website))
    alone.wait_for_selector("#text:visible")
    assert_accessible(alone)


def test_every_moment_of_the_preview_can_be_used_by_everybody(
    cast: Cast, served: Daphne, new_context: NewContext
) -> None:
    context = new_context()
    sign_in(context, served, cast.olga, served.host(cast.acme))
    page = context.new_page()
    page.goto(served.url(cast.acme, "/admin/branding/"))
    frame = page.frame_locator("#preview")
    frame.locator("#hero:has-text('Hello')").wait_for()
    page.fill("[name=greeting]", "Good to see you!")
    frame.locator("#hero:has-text('Good to see you!')").wait_for()
    page.fill("[name=colour]", "#ffeb3b")
    page.wait_for_selector("#colour-notices li:has-text('darkened')")
    page.check("[value=chat]")
    frame.locator(".bubble:has-text('around ten')").wait_for()
    assert_accessible(page)
    for theme in ("light", "dark"):
        for moment in ("open", "chat", "closed"):
            page.check(f"#toggles [value={theme}]")
            page.check(f"#toggles [value={moment}]")
            # The page's own run does not look into its frames.
            assert_accessible(_frame_of(page))
    with in_company(cast.acme):
        assert Branding.objects.get().greeting == "Hello! How can we help you?"


def test_the_hours_are_copied_and_saved(
    cast: Cast, served: Daphne, new_context: NewContext
) -> None:
    context = new_context()
    sign_in(context, served, cast.olga, served.host(cast.acme))
    page = context.new_page()
    page.goto(served.url(cast.acme, "/admin/hours/"))
    page.check("[value=weekly]")
    page.click("[data-day='0'] [data-add]")
    page.click("[data-day='0'] summary")
    page.click("[data-day='0'] [data-copy-to='0 1 2 3 4']")
    page.wait_for_selector("#ahead td:has-text('09:00\u201317:00')")
    page.fill("[name=day4_closes]", "08:00")
    page.wait_for_selector("[data-day='4'] [data-next]:has-text('next day')")
    assert_accessible(page)
    page.click("button[type=submit]:has-text('Save')")
    page.wait_for_selector(".notice--ok")
    with in_company(cast.acme):
        rows = [str(row) for row in OpenInterval.objects.all()]
    assert rows == [
        *(f"{day} 09:00-17:00" for day in ("Monday", "Tuesday", "Wednesday", "Thursday")),
        "Friday 09:00-08:00",
    ]


def _frame_of(page: Page) -> Frame:
    for _ in range(100):
        for frame in page.frames[1:]:
            if "/widget/" in frame.url or frame.url.endswith("/preview"):
                return frame
        page.wait_for_timeout(100)
    raise AssertionError("There is no chat frame on the page.")

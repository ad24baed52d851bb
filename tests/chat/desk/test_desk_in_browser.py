"""An agent at the desk in a real browser, with real sockets on both sides."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from chat.models import Branding, CannedReply, Conversation, Lead
from chat.tasks import access_changed
from crm_sync.actions.deliveries import create_deliveries
from tenants.actions.memberships import end_membership
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import User
from tests import accessibility
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.chat.live.clients import VisitorClient
from tests.routing.scene import new_agent
from tests.servers import Daphne, session_cookie

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = pytest.mark.real_commits
NewContext = Callable[..., "BrowserContext"]
# Sockets that a test can cut: the browser's own "offline" leaves open ones alone.
CUTTABLE = """
    const Real = window.WebSocket;
    window.sockets = [];
    window.WebSocket = class extends Real {
        constructor(url) {
            super(window.cut ? url.replace("/ws/", "/nowhere/") : url);
            window.sockets.push(this);
        }
    };
"""


@pytest.fixture
def desk_of(served: Daphne, new_context: NewContext) -> Callable[..., Page]:
    """A function that opens the desk of a person and waits until it is connected."""

    def open_desk(user: User, path: str = "", **options: object) -> Page:
        context = new_context(**options)
        name, value = session_cookie(user)
        context.add_cookies([{"name": name, "value": value, "url": served.url()}])
        page = context.new_page()
        watch(page)
        page.add_init_script(CUTTABLE)
        page.goto(served.url(path=f"/desk/{path}"))
        page.wait_for_selector("#connection .dot--ok")
        return page

    return open_desk


def watch(page: Page) -> None:
    """Keep every error of the page, breaches of its content security policy among them."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        # The browser's own line about a socket that was cut on purpose is none of the page's.
        lambda message: (
            found.append(message.text)
            if message.type == "error" and "/nowhere/" not in message.text
            else None
        ),
    )
    page.errors = found  # type: ignore[attr-defined]


def take_chats(page: Page) -> None:
    page.click("#status summary")
    page.click("[data-set-status=available]")
    page.wait_for_selector("#status[data-status=available]")


def bubbles(page: Page) -> list[str]:
    return page.locator("#log .bubble__text").all_inner_texts()


def picture(page: Page, name: str) -> None:
    """Keeps a screenshot where SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"desk-{name}.png")


def assert_accessible(page: Page) -> None:
    assert page.errors == []  # type: ignore[attr-defined]
    accessibility.assert_accessible(page)


def test_a_chat_rings_is_taken_answered_saved_and_ended(
    cast: Cast, served: Daphne, desk_of: Callable[..., Page]
) -> None:
    page = desk_of(cast.ana)
    picture(page, "empty")
    take_chats(page)
    visitor = VisitorClient(served, cast.acme)
    chat = visitor.start("Do you have a red one?", name="Vera")
    page.wait_for_selector("[data-accept]")
    assert "Do you have" not in page.inner_text("#lists")
    picture(page, "ringing")
    page.keyboard.press("Alt+a")
    page.wait_for_selector("#composer #text:focus")
    assert page.url.endswith(f"/desk/c/acme/{chat}/")
    assert bubbles(page) == ["Do you have a red one?"]
    page.wait_for_selector("#load >> text=1/3")

    page.keyboard.type("We do! See https://acme.example/red")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("/hel")
    page.wait_for_selector("#picker [aria-selected=true]")
    picture(page, "picker")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    said = "We do! See https://acme.example/red\nWelcome to Acme Motors!"
    assert visitor.wait_for("message", text=said)["author"]["name"] == "Ana"
    page.wait_for_selector(".bubble__state >> text=Sent")
    visitor.send("seen", conversation=chat, seq=4)
    page.wait_for_selector(".bubble__state >> text=Seen")

    visitor.send("typing", conversation=chat, on=True)
    page.wait_for_selector("#typing:visible >> text=Vera is typing")
    visitor.say(chat, "Lovely <b>car</b>")
    page.wait_for_selector(".bubble__text >> text=Lovely <b>car</b>")
    page.keyboard.press("Alt+n")
    page.keyboard.type("Wants red")
    page.keyboard.press("Enter")
    page.wait_for_selector(".bubble--note >> text=Wants red")
    expect(page.locator("[data-state=sending]")).to_have_count(0)

    page.fill("#lead-email", "not an address")
    page.click("#lead [type=submit]")
    page.wait_for_selector("#lead-email-error:visible")
    picture(page, "lead-error")
    page.fill("#lead-email", "vera@visitors.example")
    page.fill("#lead-name", "Vera Visitor")
    page.click("#lead [type=submit]")
    page.wait_for_selector("[data-field=lead-state].badge--ok")
    page.wait_for_selector(".system-line >> text=Ana saved the lead")
    page.wait_for_selector("#lead .chips >> text=On its way")
    with in_company(cast.acme):
        create_deliveries(company=cast.acme, lead_id=Lead.objects.get().pk)
    page.wait_for_selector("#lead .chips[data-settled] >> text=Kept here")

    page.keyboard.press("Alt+e")
    page.wait_for_selector("#close-dialog[open]")
    picture(page, "end")
    page.get_by_label("Lead", exact=True).check()
    page.click("#close-form [type=submit]")
    page.wait_for_selector("#ended:visible")
    page.wait_for_selector("#load >> text=0/3")
    assert page.errors == []  # type: ignore[attr-defined]
    with in_company(cast.acme):
        assert Conversation.objects.get().disposition == "lead"
        assert Lead.objects.count() == 1
    assert "Wants red" not in str(visitor.drain())
    visitor.close()


def test_what_is_written_while_the_line_is_cut_goes_out_once_afterwards(
    cast: Cast, served: Daphne, desk_of: Callable[..., Page]
) -> None:
    page = desk_of(cast.ana)
    take_chats(page)
    visitor = VisitorClient(served, cast.acme)
    chat = visitor.start("Hello", name="Vera")
    page.click("[data-accept]")
    page.wait_for_selector("#composer #text")
    cut(page)
    page.fill("#text", "Said in the dark")
    page.press("#text", "Enter")
    page.wait_for_selector("#alert >> text=Connection lost", timeout=8000)
    assert page.locator("[data-state=sending]").count() == 1
    picture(page, "reconnecting")
    visitor.say(chat, "Still there?")
    mend(page)
    page.click("text=Try now")
    page.wait_for_selector("#alert >> text=Back online")
    visitor.wait_for("message", text="Said in the dark")
    page.wait_for_selector(".bubble__text >> text=Still there?")
    expect(page.locator("[data-state=sending]")).to_have_count(0)
    assert bubbles(page).count("Said in the dark") == 1
    page.reload()
    page.wait_for_selector("#connection .dot--ok")
    assert sorted(bubbles(page)) == ["Hello", "Said in the dark", "Still there?"]
    visitor.close()


def cut(page: Page) -> None:
    """Close the page's socket, and let no new one connect."""
    page.evaluate("window.cut = true; window.sockets.forEach((socket) => socket.close())")


def mend(page: Page) -> None:
    page.evaluate("window.cut = false")


def test_drafts_are_kept_for_each_chat_and_gone_after_signing_out(
    cast: Cast, desk_of: Callable[..., Page]
) -> None:
    first = conversation(cast.acme, agent=cast.ana, name="First Visitor")
    second = conversation(cast.globex, agent=cast.ana, name="Second Visitor")
    page = desk_of(cast.ana, f"c/acme/{first.pk}/")
    page.fill("#text", "half a sentence")
    page.keyboard.press("Alt+j")
    page.wait_for_selector("h1 >> text=Second Visitor")
    assert page.input_value("#text") == ""
    page.go_back()
    page.wait_for_selector("h1 >> text=First Visitor")
    assert page.input_value("#text") == "half a sentence"
    assert str(second.pk) not in page.url
    page.click(".desk__bar details:not(#status) summary")
    page.click("text=Sign out")
    page.wait_for_url(lambda url: "/desk/" not in url)
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_a_visitor_is_called_by_the_name_in_their_lead_everywhere_at_once(
    cast: Cast, desk_of: Callable[..., Page]
) -> None:
    chat = conversation(cast.acme, agent=cast.ana, name="")
    page = desk_of(cast.ana, f"c/acme/{chat.pk}/")
    page.fill("#lead-name", "Vera Visitor")
    page.fill("#lead-email", "vera@visitors.example")
    page.click("#lead [type=submit]")
    for place in ("h1", "#context b[data-field=visitor]", "#mine .row__name"):
        expect(page.locator(place)).to_have_text("Vera Visitor")


@pytest.mark.parametrize("lost", [False, True])
def test_a_chat_that_was_left_before_it_came_changes_the_page_no_more(
    cast: Cast, desk_of: Callable[..., Page], lost: bool
) -> None:
    first = conversation(cast.acme, agent=cast.ana)
    second = conversation(cast.globex, agent=cast.ana, name="Second Visitor")
    page = desk_of(cast.ana)
    held: list[Route] = []
    page.route(f"**/c/acme/{first.pk}/part/", lambda route: held.append(route))
    page.click(f'[data-key="acme/{first.pk}"] a')
    page.click(f'[data-key="globex/{second.pk}"] a')
    page.wait_for_selector("h1 >> text=Second Visitor")
    with page.expect_event("requestfailed" if lost else "requestfinished"):
        if lost:
            held[0].abort()
        else:
            held[0].fulfill(status=404, body="")
    # A page that minds it says so by now.
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 200))")
    expect(page.locator(".toast")).to_have_count(0)
    assert page.inner_text("h1") == "Second Visitor"


def test_a_session_that_ended_is_said_and_loses_nothing(
    cast: Cast, desk_of: Callable[..., Page]
) -> None:
    opened = conversation(cast.acme, agent=cast.ana)
    page = desk_of(cast.ana, f"c/acme/{opened.pk}/")
    page.fill("#text", "not sent yet")
    page.context.clear_cookies()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("#session-dialog[open]")
    assert f"next=%2Fdesk%2Fc%2Facme%2F{opened.pk}%2F" in (
        page.get_attribute("[data-sign-in]", "href") or ""
    )
    assert "not sent yet" in page.evaluate("JSON.stringify(sessionStorage)")


def test_a_chat_that_they_may_see_no_longer_leaves_the_page(
    cast: Cast, desk_of: Callable[..., Page]
) -> None:
    agent = new_agent("nina", cast.acme, cast.globex)
    lost = conversation(cast.acme, agent=agent, said=("Acme's own words",))
    kept = conversation(cast.globex, agent=agent)
    page = desk_of(agent, f"c/acme/{lost.pk}/")
    page.fill("#text", "half a sentence")
    end_membership(company=cast.acme, user=agent, actor=SYSTEM)
    access_changed(str(cast.acme.id), str(agent.pk))
    page.wait_for_selector("#open .none-open")
    assert page.url.endswith("/desk/")
    expect(page.locator("body")).not_to_contain_text("Acme")
    assert page.evaluate("Object.keys(sessionStorage)") == []
    page.click(f'[data-key="globex/{kept.pk}"] a')
    page.wait_for_selector("#composer #text")
    assert page.errors == []  # type: ignore[attr-defined]


def test_a_supervisor_reads_along(cast: Cast, served: Daphne, desk_of: Callable[..., Page]) -> None:
    agent = desk_of(cast.amir)
    take_chats(agent)
    visitor = VisitorClient(served, cast.acme)
    chat = visitor.start("First words", name="Vera")
    agent.click("[data-accept]")
    agent.wait_for_selector("#composer #text")
    page = desk_of(cast.sara, f"c/acme/{chat}/")
    visitor.say(chat, "Later words")
    page.wait_for_selector(".bubble__text >> text=Later words")
    assert bubbles(page) == ["First words", "Later words"]
    assert page.locator("#composer").count() == 0
    picture(page, "watching")
    visitor.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_desk_is_accessible(
    cast: Cast, desk_of: Callable[..., Page], scheme: str, width: int
) -> None:
    with in_company(cast.globex):
        Branding.objects.update(colour="#00857a")
    with in_company(cast.acme):
        for shortcut in ("hours", "delivery", "price"):
            CannedReply.objects.create(
                shortcut=shortcut, title=shortcut.title(), body=f"About the {shortcut}: …"
            )
    opened = conversation(
        cast.acme,
        agent=cast.ana,
        said=("Hi! Is the blue estate still there?", "I saw it on https://www.acme.example/blue"),
        answered=("It is. Would you like to see it this week?", "Thursday is free."),
    )
    conversation(cast.globex, agent=cast.ana, name="Nora Novak", said=("My tooth hurts.",))
    conversation(cast.globex)
    conversation(cast.acme)
    page = desk_of(
        cast.ana,
        color_scheme=scheme,
        viewport={"width": width, "height": 844 if width < 640 else 800},
    )
    picture(page, f"busy-list-{width}-{scheme}")
    assert_accessible(page)
    page.click(f'[data-key="acme/{opened.pk}"] a')
    page.wait_for_selector("#composer #text")
    picture(page, f"busy-{width}-{scheme}")
    assert_accessible(page)
    page.locator("#text").press_sequentially("/")
    page.wait_for_selector("#picker:visible")
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+n")
    assert_accessible(page)
    picture(page, f"note-{width}-{scheme}")
    if width < 640:
        page.click("[data-context]")
        picture(page, f"context-{width}-{scheme}")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width

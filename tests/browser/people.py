"""What people do in a browser: a visitor in the widget, an agent at the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenants.models import User
from tests.servers import Daphne, session_cookie

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Frame, Page


def sign_in(context: BrowserContext, served: Daphne, user: User, host: str | None = None) -> None:
    """Give the browser a session of `user` on the platform site, or on `host`."""
    name, value = session_cookie(user)
    context.add_cookies([{"name": name, "value": value, "url": f"http://{host or served.host()}"}])


def open_chat(page: Page, website: str) -> Frame:
    """Load the website, press the launcher and return the chat's frame once it is ready."""
    page.goto(website)
    page.wait_for_selector("[data-switchboard=host]", state="attached")
    size = page.viewport_size
    assert size is not None
    # The launcher stands in a closed shadow root, out of every selector's reach.
    page.mouse.click(size["width"] - 50, size["height"] - 50)
    for _ in range(100):
        for frame in page.frames:
            if "/widget/" in frame.url:
                frame.wait_for_selector("#text:visible")
                return frame
        page.wait_for_timeout(100)
    raise AssertionError("The chat's frame did not open.")


def write(frame: Frame, text: str) -> None:
    frame.fill("#text", text)
    frame.press("#text", "Enter")


def said_to_visitor(frame: Frame) -> list[str]:
    """The texts of the bubbles on the visitor's screen, in order."""
    return frame.locator("#log .bubble").all_inner_texts()


def open_desk(page: Page, served: Daphne) -> None:
    """Open the desk and start accepting chats."""
    page.goto(served.url(path="/desk/"))
    page.click("#status summary")
    page.click("[data-set-status=available]")
    page.wait_for_selector("#status[data-status=available]")


def at_desk(context: BrowserContext, served: Daphne, user: User) -> Page:
    """Have `user` sign in, open the desk and start accepting chats."""
    sign_in(context, served, user)
    page = context.new_page()
    open_desk(page, served)
    return page


def accept_offer(page: Page) -> None:
    page.locator("[data-accept]").first.click()
    page.wait_for_selector("#composer #text")


def answer(page: Page, text: str) -> None:
    page.fill("#composer #text", text)
    page.press("#composer #text", "Enter")


def said_at_desk(page: Page) -> list[str]:
    """The texts of the bubbles in the open thread, in order."""
    return page.locator("#log .bubble__text").all_inner_texts()

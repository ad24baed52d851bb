"""The line is cut in mid-chat: nothing is lost, nothing stands twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from chat.models import Event
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.browser import people
from tests.browser.website import Website
from tests.cast import Cast
from tests.servers import Daphne

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, WebSocketRoute

pytestmark = pytest.mark.real_commits


def test_a_chat_whose_line_is_cut_again_and_again_is_whole_on_both_screens(
    cast: Cast,
    served: Daphne,
    website: Callable[[CompanyRef], Website],
    new_context: Callable[..., BrowserContext],
) -> None:
    site = website(cast.acme).allow_on(cast.acme)
    at_desk = new_context(viewport={"width": 1440, "height": 900})
    desk_lines = _cuttable(at_desk)
    desk = people.at_desk(at_desk, served, cast.amir)

    at_website = new_context()
    visitor_lines = _cuttable(at_website)
    visitor = at_website.new_page()
    frame = people.open_chat(visitor, site.origin)
    people.write(frame, "visitor 0")
    people.accept_offer(desk)
    desk.wait_for_selector("#log >> text=visitor 0")
    said = ["visitor 0"]
    for turn in range(1, 5):
        people.write(frame, f"visitor {turn}")
        visitor_lines[-1].close(code=1012)
        desk.wait_for_selector(f"#log >> text=visitor {turn}")
        people.answer(desk, f"agent {turn}")
        desk_lines[-1].close(code=1012)
        frame.wait_for_selector(f"#log >> text=agent {turn}")
        said += [f"visitor {turn}", f"agent {turn}"]
    # Written while the line is down: kept, and sent when it is back.
    visitor_lines[-1].close(code=1012)
    people.write(frame, "still here")
    desk.wait_for_selector("#log >> text=still here")
    said.append("still here")

    assert people.said_to_visitor(frame) == said
    assert people.said_at_desk(desk) == said
    assert len(visitor_lines) > 5
    with in_company(cast.acme):
        stored = Event.objects.filter(kind="message").order_by("seq")
        assert [event.visitor_seq for event in stored] == sorted(
            event.visitor_seq or 0 for event in stored
        )
        assert stored.count() == len(said)
        every = list(Event.objects.order_by("seq").values_list("seq", flat=True))
        assert every == list(range(1, len(every) + 1))


def _cuttable(context: BrowserContext) -> list[WebSocketRoute]:
    """Every socket that the profile opens from now on, to be closed from here."""
    lines: list[WebSocketRoute] = []

    def opened(line: WebSocketRoute) -> None:
        line.connect_to_server()
        lines.append(line)

    context.route_web_socket("**/ws/**", opened)
    return lines

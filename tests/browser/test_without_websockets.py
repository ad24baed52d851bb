"""A network that lets no WebSocket through: the visitor chats all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from chat.models import Event
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.browser import people
from tests.browser.website import Website
from tests.cast import Cast
from tests.servers import Daphne

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Request, Route, WebSocketRoute

pytestmark = pytest.mark.real_commits


def lose_request(route: Route) -> None:
    route.abort()


def lose_answer(route: Route) -> None:
    # The name of a company's host resolves in the browser only.
    there = urlsplit(route.request.url)
    answer = route.fetch(
        url=there._replace(netloc=f"127.0.0.1:{there.port}").geturl(),
        headers={**route.request.headers, "host": there.netloc},
    )
    assert answer.json()[0]["type"] == "ack"
    route.abort()


def test_a_visitor_whose_sockets_are_blocked_and_an_agent_chat_both_ways(
    cast: Cast,
    served: Daphne,
    website: Callable[[CompanyRef], Website],
    new_context: Callable[..., BrowserContext],
) -> None:
    site = website(cast.acme).allow_on(cast.acme)
    at_desk = new_context(viewport={"width": 1440, "height": 900})
    desk = people.at_desk(at_desk, served, cast.amir)

    at_website = new_context()
    refused: list[str] = []

    def refuse(line: WebSocketRoute) -> None:
        refused.append(line.url)
        line.close(code=1001)

    at_website.route_web_socket("**/ws/**", refuse)
    visitor = at_website.new_page()
    wrong: list[str] = []
    asked: list[str] = []

    def request(sent: Request) -> None:
        asked.append(f"{sent.method} {sent.url.partition('?')[0]}")

    visitor.on("request", request)
    visitor.on("pageerror", lambda error: wrong.append(str(error)))
    frame = people.open_chat(visitor, site.origin)
    people.write(frame, "visitor 0")
    people.accept_offer(desk)
    desk.wait_for_selector("#log >> text=visitor 0")
    said = ["visitor 0"]
    for turn in range(1, 4):
        people.write(frame, f"visitor {turn}")
        desk.wait_for_selector(f"#log >> text=visitor {turn}")
        people.answer(desk, f"agent {turn}")
        frame.wait_for_selector(f"#log >> text=agent {turn}")
        said += [f"visitor {turn}", f"agent {turn}"]
    # A request that does not reach the server, then one whose answer does not reach the visitor.
    falls: list[Callable[[Route], None]] = []

    def carry(route: Route) -> None:
        if falls and "message.send" in (route.request.post_data or ""):
            falls.pop()(route)
        else:
            route.continue_()

    at_website.route("**/widget/frames*", carry)
    for fall in (lose_request, lose_answer):
        falls.append(fall)
        lines = [f"{fall.__name__} {number}" for number in range(3)]
        for line in lines:
            people.write(frame, line)
        desk.wait_for_selector(f"#log >> text={lines[-1]}")
        said += lines
        assert not falls
    people.answer(desk, "good-bye")
    frame.wait_for_selector("#log >> text=good-bye")
    said.append("good-bye")

    assert people.said_to_visitor(frame) == said
    assert people.said_at_desk(desk) == said
    assert len(refused) >= 2
    for sent in ("POST /widget/frames", "GET /widget/events"):
        method, _, path = sent.partition(" ")
        assert f"{method} {served.url(cast.acme, path)}" in asked
    assert wrong == []
    with in_company(cast.acme):
        stored = Event.objects.filter(kind="message").order_by("seq")
        assert stored.count() == len(said)
        every = list(Event.objects.order_by("seq").values_list("seq", flat=True))
        assert every == list(range(1, len(every) + 1))

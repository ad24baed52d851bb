"""The same person chats with two companies at once: neither sees anything of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from chat.models import Conversation, Event, Visitor
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.browser import people
from tests.browser.website import Website
from tests.cast import Cast
from tests.servers import Daphne

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.real_commits


def test_one_visitor_of_two_companies_is_two_strangers(
    cast: Cast,
    served: Daphne,
    website: Callable[[CompanyRef], Website],
    new_context: Callable[..., BrowserContext],
) -> None:
    # Ana serves both companies at one desk; Amir serves acme alone.
    at_desk = new_context(viewport={"width": 1440, "height": 900})
    desk = people.at_desk(at_desk, served, cast.ana)

    person = new_context()
    cars, teeth = person.new_page(), person.new_page()
    car_chat = people.open_chat(cars, website(cast.acme).allow_on(cast.acme).origin)
    tooth_chat = people.open_chat(teeth, website(cast.globex).allow_on(cast.globex).origin)
    assert car_chat.inner_text("#company") == cast.acme.name
    assert tooth_chat.inner_text("#company") == cast.globex.name

    people.write(car_chat, "My estate rattles")
    desk.wait_for_selector("[data-offer]")
    people.accept_offer(desk)
    desk.wait_for_selector("#log >> text=My estate rattles")
    people.write(tooth_chat, "My tooth hurts")
    people.accept_offer(desk)
    desk.wait_for_selector("#log >> text=My tooth hurts")
    assert people.said_at_desk(desk) == ["My tooth hurts"]
    people.answer(desk, "Come at three")
    tooth_chat.wait_for_selector("text=Come at three")

    assert people.said_to_visitor(tooth_chat) == ["My tooth hurts", "Come at three"]
    assert people.said_to_visitor(car_chat) == ["My estate rattles"]
    visitors = set()
    for company, text in ((cast.acme, "My estate rattles"), (cast.globex, "My tooth hurts")):
        with in_company(company):
            visitors.add(Visitor.objects.get().pk)
            conversation = Conversation.objects.get()
            bodies = [event.body for event in Event.objects.filter(conversation=conversation)]
        assert any(text in body for body in bodies)
    assert len(visitors) == 2

    # An agent without a grant for globex finds nothing of it.
    amirs = new_context(viewport={"width": 1440, "height": 900})
    people.sign_in(amirs, served, cast.amir)
    page = amirs.new_page()
    answered = page.goto(served.url(path=f"/desk/c/globex/{conversation.pk}/"))
    assert answered is not None
    assert answered.status == 404
    assert "tooth" not in page.content()

"""The page a visitor says they are on: no words of theirs keep their chat from being opened."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from chat.models import Visit
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.chat.live.clients import Socket, VisitorClient, make_visitor
from tests.servers import Daphne

ClientFor = Callable[..., Client]
# The third is one character that Unicode's compatibility forms make a/c of.
BROKEN = ["http://[", "https://a]b/", "http://a\u2100b/", "http://[::1"]
NOT_OF_THE_WEB = [*BROKEN, "javascript:alert(1)", "file:///etc/passwd", "https:///x", "about:blank"]


def visited(cast: Cast, visitor: Socket, visitor_id: uuid.UUID) -> tuple[str, str, str]:
    """What is stored of the visitor's page."""
    assert [frame for frame in visitor.answers() if frame["type"] == "error"] == []
    with in_company(cast.acme):
        visit = Visit.objects.get(visitor_id=visitor_id)
    return visit.page_url, visit.page_title, visit.referrer


@pytest.mark.real_commits
def test_what_is_no_address_is_not_kept_and_the_chat_goes_on(cast: Cast, served: Daphne) -> None:
    visitor = VisitorClient(served, cast.acme)
    for text in NOT_OF_THE_WEB:
        visitor.send("page", url=text, title="Cars", referrer=text)
        assert visited(cast, visitor, visitor.visitor_id) == ("", "Cars", ""), text
    good = "https://www.acme.example/cars?id=7#top"
    visitor.send("page", url=good, title="Cars", referrer="http://search.example/?q=1")
    assert visited(cast, visitor, visitor.visitor_id) == (
        good,
        "Cars",
        "http://search.example/?q=1",
    )
    visitor.send("page", url="http://[", title="Cars")
    assert visited(cast, visitor, visitor.visitor_id) == ("", "Cars", "http://search.example/?q=1")
    visitor.close()


@pytest.mark.real_commits
def test_a_page_in_the_hello_is_checked_as_well(cast: Cast, served: Daphne) -> None:
    for text in BROKEN:
        visitor_id, token = make_visitor(cast.acme)
        visitor = Socket(served, served.host(cast.acme), "/ws/visitor/")
        visitor.send("hello", token=token, page={"url": text, "title": "Cars", "referrer": text})
        assert visitor.receive()["type"] == "welcome"
        assert visited(cast, visitor, visitor_id) == ("", "Cars", ""), text
        visitor.close()


@pytest.mark.django_db
@pytest.mark.parametrize("text", BROKEN)
def test_a_chat_opens_whatever_was_stored_of_its_page(
    cast: Cast, client_for: ClientFor, text: str
) -> None:
    opened = conversation(cast.acme, agent=cast.ana)
    with in_company(cast.acme):
        Visit.objects.update(page_url=text, page_title="", referrer=text, origin=text)
    for suffix in ("", "part/"):
        response = client_for(cast.ana).get(f"/desk/c/acme/{opened.pk}/{suffix}")
        assert response.status_code == 200
        page = response.content.decode()
        assert f"<dt>Page</dt><dd>{text}</dd>" in page
        assert "Came from" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["javascript:alert(1)", "file:///etc/passwd"])
def test_what_is_no_address_of_the_web_is_shown_and_no_link(
    cast: Cast, client_for: ClientFor, text: str
) -> None:
    opened = conversation(cast.acme, agent=cast.ana)
    with in_company(cast.acme):
        Visit.objects.update(page_url=text, page_title="")
    page = client_for(cast.ana).get(f"/desk/c/acme/{opened.pk}/").content.decode()
    assert f"<dt>Page</dt><dd>{text}</dd>" in page

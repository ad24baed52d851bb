"""Who chats on a website that its company takes off the list is parted from, and nobody else."""

import itertools
import time
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.actions import websites
from chat.live.streams import SWEEP_SECONDS
from chat.models import AllowedOrigin, Conversation, Event
from chat.queries import branding
from chat.queries.branding import Website
from tenants import many_schemas
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.models import Company
from tenants.resolution import CompanyRef
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.chat.live.clients import DeskClient, Socket, VisitorClient, make_visitor, token_of
from tests.chat.live.http_clients import HttpVisitor, StandingPoll
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits
SHOP = "https://shop.example"


def allow_shop(*companies: CompanyRef) -> None:
    for company in companies:
        with in_company(company):
            AllowedOrigin.objects.create(origin=SHOP)


def take_off(company: CompanyRef) -> None:
    with in_company(company):
        websites.disallow(company=company, origin=SHOP, actor=SYSTEM)


def test_an_open_line_ends_within_a_sweep(cast: Cast, served: Daphne) -> None:
    """One who chats, one whose panel is open, one who polls; every other website goes on."""
    allow_shop(cast.acme, cast.globex)
    chatting, waiting = (
        VisitorClient(served, cast.acme, make_visitor(cast.acme, website=SHOP)[1]) for _ in range(2)
    )
    chatting.start()
    own_site = VisitorClient(served, cast.acme)
    elsewhere = VisitorClient(served, cast.globex, make_visitor(cast.globex, website=SHOP)[1])
    going_on = [(visitor, visitor.start()) for visitor in (own_site, elsewhere)]
    polled = conversation(cast.acme, agent=cast.ana, said=())
    polling = HttpVisitor(served, cast.acme, token_of(cast.acme, polled, website=SHOP))
    desk = DeskClient(served, cast.ana, resume={f"acme/{polled.pk}": 0})
    poll = StandingPoll(polling, desk, str(polled.pk))

    take_off(cast.acme)
    until = time.monotonic() + SWEEP_SECONDS + 3
    for visitor in (chatting, waiting):
        assert visitor.closed_with(max(until - time.monotonic(), 0.1)) == 4403
        assert visitor.frames[-1]["code"] == "site_closed"
    assert poll.result(max(until - time.monotonic(), 0.1)).refusal == (403, "site_closed")
    for visitor, chat in going_on:
        assert visitor.say(chat, "Still here")["type"] == "ack"
        visitor.close()
    desk.close()


def test_a_token_of_the_website_opens_nothing_any_more(cast: Cast, served: Daphne) -> None:
    allow_shop(cast.acme, cast.globex)
    chat = conversation(cast.acme, agent=cast.ana, said=("one",))
    token = token_of(cast.acme, chat, website=SHOP)
    by_http = HttpVisitor(served, cast.acme, token)
    assert by_http.poll(wait=0).status == 200
    take_off(cast.acme)

    line = Socket(served, served.host(cast.acme), "/ws/visitor/")
    line.send("hello", token=token)
    assert line.closed_with() == 4403
    assert [(frame["type"], frame["code"]) for frame in line.frames] == [("error", "site_closed")]
    assert by_http.poll(wait=0).refusal == (403, "site_closed")
    said = {"type": "message.send", "id": str(uuid.uuid4()), "conversation": str(chat.pk)}
    answer = by_http.post([{**said, "text": "two"}, {"type": "conversation.end", **said}])
    assert answer.refusal == (403, "site_closed")
    assert len(answer.frames) == 1
    with in_company(cast.acme):
        assert Event.objects.filter(conversation=chat).count() == 1
        assert Conversation.objects.get().state == "assigned"
    # Allowed again, the same token is good until it ends.
    allow_shop(cast.acme)
    assert by_http.poll(wait=0).status == 200


@pytest.mark.parametrize(("together", "statements"), [(100, 2), (1, 3)])
def test_all_websites_of_a_process_are_asked_for_together(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, together: int, statements: int
) -> None:
    monkeypatch.setattr(many_schemas, "SCHEMAS_A_STATEMENT", together)
    shops = [f"https://shop-{number}.example" for number in range(20)]
    for company in (cast.acme, cast.globex):
        with in_company(company):
            AllowedOrigin.objects.bulk_create(AllowedOrigin(origin=shop) for shop in shops[1:])
    Company.objects.filter(pk=cast.initech.id).update(state=Company.State.SUSPENDED)
    shown = [Website(*pair) for pair in itertools.product(cast.companies, shops)]
    with CaptureQueriesContext(connection) as captured:
        closed = branding.closed_of(shown)
    Company.objects.filter(pk=cast.initech.id).update(state=Company.State.ACTIVE)
    asked = [query for query in captured if "SELECT" in query["sql"]]
    assert len(asked) == statements
    of_initech = {Website(cast.initech, shop) for shop in shops}
    gone = {Website(cast.acme, shops[0]), Website(cast.globex, shops[0])}
    assert set(closed) == gone | of_initech

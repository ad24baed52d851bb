"""A suspended company's visitors are parted from, and nobody else's."""

import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from chat.live.streams import SWEEP_SECONDS
from chat.models import Conversation, Event
from tenants.context import in_company
from tenants.models import Company
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.chat.live.clients import DeskClient, VisitorClient, token_of
from tests.chat.live.http_clients import HttpVisitor, StandingPoll
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits


@pytest.fixture
def served(cast: Cast) -> Iterator[Daphne]:
    """A server of its own: it remembers for a while that acme was gone."""
    server = Daphne().start()
    yield server
    server.stop()
    Company.objects.filter(pk=cast.acme.id).update(state=Company.State.ACTIVE)


def test_who_chats_with_a_suspended_company_is_parted_from_within_a_sweep(
    cast: Cast, served: Daphne
) -> None:
    """One who chats, one whose panel is open, one who polls; globex's visitor goes on."""
    chatting, waiting = VisitorClient(served, cast.acme), VisitorClient(served, cast.acme)
    chat = chatting.start()
    other = VisitorClient(served, cast.globex)
    elsewhere = other.start()
    polled = conversation(cast.acme, agent=cast.ana, said=())
    polling = HttpVisitor(served, cast.acme, token_of(cast.acme, polled))
    desk = DeskClient(served, cast.ana, resume={f"acme/{polled.pk}": 0})
    poll = StandingPoll(polling, desk, str(polled.pk))

    Company.objects.filter(pk=cast.acme.id).update(state=Company.State.SUSPENDED)
    until = time.monotonic() + SWEEP_SECONDS + 3
    for visitor in (chatting, waiting):
        assert visitor.closed_with(max(until - time.monotonic(), 0.1)) == 4403
        assert visitor.frames[-1]["code"] == "site_closed"
    assert poll.result(max(until - time.monotonic(), 0.1)).refusal == (403, "site_closed")

    # Nor does anybody come back, though the host was known a moment ago.
    with pytest.raises(InvalidStatus):
        VisitorClient(served, cast.acme, chatting.token)
    assert polling.poll(wait=0).status == 404
    with in_company(cast.acme):
        assert {str(made.pk) for made in Conversation.objects.all()} == {chat, str(polled.pk)}
        assert Event.objects.filter(kind="message").count() == 1
    assert other.say(elsewhere, "Still here")["type"] == "ack"
    other.close()
    desk.close()

"""Whose session ended is out of the desk, though the desk itself never asks."""

import datetime
import time
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from chat import tasks
from chat.live.streams import SWEEP_SECONDS
from routing import interface as routing
from tenants.models import OutboxEvent
from tests.cast import Cast
from tests.chat.desk.builders import conversation, say_elsewhere
from tests.chat.live.clients import DeskClient, cookies_of
from tests.routing.scene import new_agent
from tests.servers import Daphne

pytestmark = pytest.mark.real_commits
ClientFor = Callable[..., Client]
SOON = 3.0


def test_who_signs_out_has_that_desk_closed_at_once_and_the_other_stays(
    cast: Cast, served: Daphne, client_for: ClientFor
) -> None:
    agent = new_agent("nora", cast.acme, cast.globex)
    made = conversation(cast.acme, agent=agent)
    key = f"{cast.acme.slug}/{made.pk}"
    leaving, staying = client_for(agent), client_for(agent)
    left = DeskClient(served, agent, resume={key: 0}, cookie=cookies_of(leaving))
    kept = DeskClient(served, agent, resume={key: 0}, cookie=cookies_of(staying))
    assert leaving.post("/accounts/logout/").status_code == 302
    told = OutboxEvent.objects.get(topic="access.changed", object_id=str(agent.pk))
    assert told.company_id in (cast.acme.id, cast.globex.id)
    tasks.access_changed(str(told.company_id), str(agent.pk))
    assert left.closed_with(SOON) == 4401
    assert left.frames[-1]["code"] == "signed_out"
    say_elsewhere(cast.acme, made, "Said afterwards")
    kept.wait_for("message", text="Said afterwards")
    assert "Said afterwards" not in str(left.frames)
    assert kept.say(key, "Still here")["type"] == "ack"
    kept.close()


def test_no_desk_outlives_its_session_by_more_than_a_sweep_though_nobody_tells(
    cast: Cast, served: Daphne, client_for: ClientFor
) -> None:
    """Deleted, run out, another password: none of the desks pings. Whose desk stays is present."""
    deleted, ran_out, changed = (new_agent(name, cast.acme) for name in ("dina", "rosa", "cora"))
    first, second = client_for(deleted), client_for(deleted)
    late, third = client_for(ran_out), client_for(changed)
    made = conversation(cast.acme, agent=deleted)
    key = f"{cast.acme.slug}/{made.pk}"
    ended = [
        DeskClient(served, deleted, resume={key: 0}, cookie=cookies_of(first)),
        DeskClient(served, ran_out, cookie=cookies_of(late)),
        DeskClient(served, changed, cookie=cookies_of(third)),
    ]
    kept = DeskClient(served, deleted, resume={key: 0}, cookie=cookies_of(second))
    Session.objects.filter(pk=first.session.session_key).delete()
    a_moment_ago = timezone.now() - datetime.timedelta(seconds=1)
    Session.objects.filter(pk=late.session.session_key).update(expire_date=a_moment_ago)
    changed.set_password("another horse battery staple")
    changed.save()
    for agent in (deleted, changed):
        routing.drop_lease(agent_id=agent.pk)
    until = time.monotonic() + SWEEP_SECONDS + SOON
    for desk in ended:
        assert desk.closed_with(max(until - time.monotonic(), 0.1)) == 4401
        assert desk.frames[-1]["code"] == "signed_out"
    say_elsewhere(cast.acme, made, "Said afterwards")
    kept.wait_for("message", text="Said afterwards")
    for desk in ended:
        with pytest.raises(ConnectionClosed):
            desk.receive(0.1)
        assert "Said afterwards" not in str(desk.frames)
    assert routing.agent_state(deleted.pk).connected
    assert not routing.agent_state(changed.pk).connected
    assert kept.say(key, "Still here")["type"] == "ack"
    kept.close()

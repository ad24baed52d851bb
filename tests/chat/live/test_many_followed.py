"""A desk that reads along with more chats than one socket follows lets go of one, and is told."""

import pytest

from chat.live.bus import BusLayer
from chat.live.consumers import following
from chat.live.consumers.desk import DeskConsumer
from tenants.async_db import run_in_public
from tests.cast import Cast
from tests.chat.desk.builders import conversation, say_elsewhere
from tests.chat.live.clients import session_of
from tests.chat.live.in_process import Line, run

pytestmark = pytest.mark.real_commits


def test_the_one_read_along_that_was_asked_for_longest_ago_goes(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOWED", 4)
    own = conversation(cast.acme, agent=cast.sara, said=("one",))
    read = [conversation(cast.acme, agent=cast.ana, said=("one",)) for _ in range(4)]
    last = conversation(cast.globex, agent=cast.ana, said=("one",))
    keys = [f"acme/{made.pk}" for made in read]
    cookie = session_of(cast.sara)

    async def story(layer: BusLayer) -> None:
        desk = Line(DeskConsumer(), "localhost", cookie=cookie)
        desk.send("hello", resume={f"acme/{own.pk}": 1})
        await desk.until("welcome")
        for key in (*keys[:3], keys[0]):
            desk.send("resume", conversation=key, after=1)
        followed = {f"acme/{own.pk}", *keys[:3]}
        (pong,) = await desk.ping()
        assert set(pong["conversations"]) == followed

        for key, gone in ((keys[3], keys[1]), (f"globex/{last.pk}", keys[2])):
            desk.send("resume", conversation=key, after=1)
            told, pong = await desk.ping()
            assert told == {"type": "conversation.gone", "conversation": gone}
            followed = followed - {gone} | {key}
            assert set(pong["conversations"]) == followed

        # Their own goes on; the one let go is silent, until it is asked for again.
        for made in (read[1], own):
            await run_in_public(say_elsewhere, cast.acme, made, "two")
        (message,) = await desk.until("message")
        assert (message["conversation"], message["text"]) == (f"acme/{own.pk}", "two")
        desk.send("resume", conversation=keys[1], after=1)
        told, message, _ = await desk.ping()
        assert told == {"type": "conversation.gone", "conversation": keys[0]}
        assert (message["conversation"], message["text"]) == (keys[1], "two")
        await desk.hang_up()

    run(story)


def test_own_chats_that_ended_go_before_those_that_have_not(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOWED", 2)
    made = [
        conversation(cast.acme, agent=cast.amir, said=("one",), closed=closed)
        for closed in (False, True, False, False)
    ]
    keys = [f"acme/{one.pk}" for one in made]
    cookie = session_of(cast.amir)

    async def story(layer: BusLayer) -> None:
        desk = Line(DeskConsumer(), "localhost", cookie=cookie)
        desk.send("hello")
        await desk.until("welcome")
        gone = []
        for key in keys:
            desk.send("resume", conversation=key, after=1)
            gone += [frame["conversation"] for frame in (await desk.ping())[:-1]]
        assert gone == [keys[1], keys[0]]
        await desk.hang_up()

    run(story)

"""The channel layer on a real Valkey: between processes, through a loss of Redis, bounded."""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis.asyncio
from django.conf import settings

from chat.live import wire
from chat.live.bus import BusLayer
from tests.waiting import until_async

GROUP = "acme.desk.1"


async def two(prefix: str) -> tuple[BusLayer, BusLayer]:
    """Two processes' layers, subscribed."""
    layers = BusLayer(settings.REDIS_URL, prefix), BusLayer(settings.REDIS_URL, prefix)
    for layer in layers:
        layer.start()
    await until_async(lambda: all(layer.connected for layer in layers))
    return layers


def on_two(work: Callable[[BusLayer, BusLayer], Awaitable[None]]) -> None:
    async def main() -> None:
        here, there = await two(f"bus-test-{uuid.uuid4().hex}")
        try:
            await work(here, there)
        finally:
            await here.close()
            await there.close()

    asyncio.run(main())


def test_a_group_hears_across_processes_and_only_members_hear() -> None:
    async def work(here: BusLayer, there: BusLayer) -> None:
        own, far, stranger = (await here.new_channel(), await there.new_channel(),
                              await there.new_channel())  # fmt: skip
        await here.group_add(GROUP, own)
        await there.group_add(GROUP, far)
        await there.group_add("acme.desk.2", stranger)
        await here.group_send(GROUP, {"type": "x", "n": 1})
        assert await asyncio.wait_for(there.receive(far), 5) == {"type": "x", "n": 1}
        assert await here.receive(own) == {"type": "x", "n": 1}
        assert len(there.mailbox(stranger)) == len(here.mailbox(own)) == 0
        await there.group_discard(GROUP, far)
        await here.group_send(GROUP, {"type": "x", "n": 2})
        await here.send(stranger, {"type": "y"})
        assert await asyncio.wait_for(there.receive(stranger), 5) == {"type": "y"}
        assert len(there.mailbox(far)) == 0

    on_two(work)


def test_what_is_said_in_one_turn_travels_in_one_publish() -> None:
    async def work(here: BusLayer, there: BusLayer) -> None:
        hints: list[wire.Hint] = []
        batches: list[wire.Batch] = []
        there.on_hint = hints.append
        apply = there.apply
        there.apply = lambda batch: (batches.append(batch), apply(batch))[1]  # type: ignore[func-returns-value, method-assign]
        company, conversation = uuid.uuid4(), uuid.uuid4()
        for seq in range(1, 51):
            here.hint(company, conversation, seq)
        here.tell_group(GROUP, {"type": "x"})
        await until_async(lambda: len(batches) == 1)
        # Of one conversation only the last number matters.
        assert hints == [wire.Hint(company, conversation, 50)]
        assert batches[0].groups == [(GROUP, {"type": "x"})]

    on_two(work)


def test_one_who_does_not_read_is_told_so_and_costs_no_memory() -> None:
    async def work(here: BusLayer, there: BusLayer) -> None:
        slow = await here.new_channel()
        await here.group_add(GROUP, slow)
        for n in range(1000):
            await here.group_send(GROUP, {"type": "x", "n": n})
        assert len(here.mailbox(slow)) == 1
        assert await here.receive(slow) == {"type": "bus.overflow"}

    on_two(work)


def test_rubbish_on_the_channel_is_ignored() -> None:
    async def work(here: BusLayer, there: BusLayer) -> None:
        far = await there.new_channel()
        await there.group_add(GROUP, far)
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
        await client.publish(here._channel, b"\xc1 rubbish")
        await client.aclose()
        await here.group_send(GROUP, {"type": "x"})
        assert await asyncio.wait_for(there.receive(far), 5) == {"type": "x"}

    on_two(work)


def test_cut_off_it_serves_its_own_and_subscribes_again() -> None:
    async def work(here: BusLayer, there: BusLayer) -> None:
        returned: list[bool] = []
        there.on_reconnect = lambda: returned.append(True)
        far, own = await there.new_channel(), await here.new_channel()
        await there.group_add(GROUP, far)
        await here.group_add(GROUP, own)
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
        await client.client_kill_filter(_type="pubsub")
        await here.group_send(GROUP, {"type": "x", "n": 1})
        assert await here.receive(own) == {"type": "x", "n": 1}
        await until_async(lambda: bool(returned) and here.connected and there.connected)
        await here.group_send(GROUP, {"type": "x", "n": 2})
        heard = await asyncio.wait_for(there.receive(far), 5)
        assert heard["n"] in (1, 2)
        await client.aclose()

    on_two(work)


class LosesACancellation:
    """A client that is cancelled in the moment in which it has sent."""

    def __init__(self) -> None:
        self.publishing = asyncio.Event()

    async def publish(self, channel: str, data: bytes) -> None:
        self.publishing.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        pass


def test_it_closes_though_a_cancellation_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        layer = BusLayer(settings.REDIS_URL, f"bus-test-{uuid.uuid4().hex}")
        client = LosesACancellation()
        real = layer._client

        def given(**options: Any) -> object:
            # Whoever listens waits without end.
            return client if options["socket_timeout"] else real(**options)

        monkeypatch.setattr(layer, "_client", given)
        layer.start()
        layer.tell_group(GROUP, {"type": "x"})
        await asyncio.wait_for(client.publishing.wait(), 5)
        await asyncio.wait_for(layer.close(), 5)

    asyncio.run(main())


def test_without_redis_it_goes_on_alone() -> None:
    async def main() -> None:
        layer = BusLayer("redis://127.0.0.1:1/0", "nowhere")
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        await layer.group_send(GROUP, {"type": "x"})
        assert await layer.receive(channel) == {"type": "x"}
        await asyncio.sleep(0.5)
        assert not layer.connected
        await layer.close()

    asyncio.run(main())


def test_a_name_that_tells_nothing_is_no_group_of_two() -> None:
    """Group names carry the company: one conversation id at two companies is two groups."""
    from chat.live import groups

    conversation = uuid.uuid4()
    names = {
        function(company, conversation)
        for company in (uuid.uuid4(), uuid.uuid4())
        for function in (groups.visitors_of, groups.desks_of)
    }
    assert len(names) == 4


@pytest.mark.parametrize("call", ["flush", "close"])
def test_it_can_be_emptied_and_closed(call: str) -> None:
    async def work(here: BusLayer, there: BusLayer) -> None:
        await getattr(here, call)()
        channel = await here.new_channel()
        await here.group_add(GROUP, channel)
        await here.group_send(GROUP, {"type": "x"})
        assert await here.receive(channel) == {"type": "x"}

    on_two(work)

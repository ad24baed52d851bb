"""What the sweep of a process's streams does besides looking for lost hints."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast as typed

import pytest
from channels.layers import get_channel_layer
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.live import streams as live_streams
from chat.live.bus import BusLayer
from chat.live.streams import streams
from chat.queries import thread
from tenants.keyring import store
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.waiting import until_async

pytestmark = pytest.mark.real_commits


def run(story: Callable[[], Awaitable[None]]) -> None:
    """The story on a loop of its own, on this process's bus and streams."""

    async def main() -> None:
        layer = typed("BusLayer", get_channel_layer())
        await layer.flush()
        running = streams()
        try:
            await asyncio.wait_for(story(), 30)
        finally:
            for part in (running, layer):
                await asyncio.wait_for(part.close(), 10)

    asyncio.run(main())


def test_an_idle_process_drops_the_keys_that_expired(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.forget()
    store.load(cast.initech.schema_name)
    monkeypatch.setattr(store, "CACHE_SECONDS", 0.2)
    store.load(cast.acme.schema_name)
    monkeypatch.setattr(live_streams, "SWEEP_SECONDS", 0.05)

    async def story() -> None:
        await until_async(
            lambda: {schema_name for schema_name, _ in store._cache} == {cast.initech.schema_name}
        )

    run(story)


@pytest.mark.parametrize(("together", "statements"), [(100, 1), (3, 1), (2, 2), (1, 3)])
def test_the_last_seqs_of_many_companies_are_asked_for_in_chunks(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, together: int, statements: int
) -> None:
    monkeypatch.setattr(thread, "SCHEMAS_A_STATEMENT", together)
    made = {
        company: [conversation(company, said=said).pk for said in (("one",), ("one", "two"))]
        for company in cast.companies
    }
    # What nobody asked for is not among the answers.
    conversation(cast.initech)
    wanted = {company.schema_name: ids for company, ids in made.items()}
    with CaptureQueriesContext(connection) as captured:
        found = thread.last_seqs_by_schema(wanted)
    asked = [query for query in captured if "chat_conversation" in query["sql"]]
    assert len(asked) == statements
    assert found == {
        pk: last for ids in made.values() for pk, last in zip(ids, (1, 2), strict=True)
    }


def test_nothing_followed_asks_nothing(cast: Cast) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert thread.last_seqs_by_schema({}) == {}
    assert len(captured) == 0

"""What the sweep of a process's streams does besides looking for lost hints."""

import asyncio

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.live import desks as live_desks
from chat.live import streams as live_streams
from chat.live.bus import BusLayer
from chat.live.desks import Desks, Standing
from chat.live.mailbox import Mailbox
from chat.live.sites import Sites
from chat.queries import thread
from tenants import many_schemas
from tenants.keyring import store
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.chat.live.in_process import run
from tests.waiting import until_async

pytestmark = pytest.mark.real_commits


def test_an_idle_process_drops_the_keys_that_expired(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.forget()
    store.load([cast.initech.schema_name])
    monkeypatch.setattr(store, "CACHE_SECONDS", 0.2)
    store.load([cast.acme.schema_name])
    monkeypatch.setattr(live_streams, "SWEEP_SECONDS", 0.05)

    async def story(layer: BusLayer) -> None:
        await until_async(
            lambda: {schema_name for schema_name, _ in store._cache} == {cast.initech.schema_name}
        )

    run(story)


@pytest.mark.parametrize(("together", "statements"), [(100, 1), (3, 1), (2, 2), (1, 3)])
def test_the_last_seqs_of_many_companies_are_asked_for_in_chunks(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, together: int, statements: int
) -> None:
    monkeypatch.setattr(many_schemas, "SCHEMAS_A_STATEMENT", together)
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


def test_where_nobody_is_connected_no_thread_looks_for_closed_websites() -> None:
    async def story(layer: BusLayer) -> None:
        # It is over before it ever waits.
        with pytest.raises(StopIteration):
            Sites(layer).sweep().send(None)

    run(story)


class FakeDesk:
    """One that misses something, or not, and counts how often the loop was elsewhere before."""

    session: str | None = None

    def __init__(self, misses: bool, turns: list[int]) -> None:
        self.mailbox = Mailbox(10)
        self._misses = misses
        self._turns = turns
        self.turn = -1

    def misses(self, now: Standing) -> bool:
        self.turn = self._turns[0]
        return self._misses


def test_the_loop_has_its_turn_while_many_desks_are_compared(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_desks, "DESKS_A_TURN", 2)
    turns = [0]

    async def count() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    async def story(layer: BusLayer) -> None:
        desks = Desks(layer)
        people = [cast.ana, cast.amir, cast.sara, cast.olga, cast.gina]
        standing = [FakeDesk(user is cast.amir, turns) for user in people]
        for user, desk in zip(people, standing, strict=True):
            desks.came(user.pk, desk)
        counting = asyncio.create_task(count())
        await desks.sweep()
        counting.cancel()
        began = standing[0].turn
        assert [desk.turn - began for desk in standing] == [0, 0, 1, 1, 2]
        assert [len(desk.mailbox) for desk in standing] == [0, 1, 0, 0, 0]
        assert standing[1].mailbox.take() == {"type": "agent.look"}

    run(story)

"""A visitor's starts at the same moment, from several tabs or over a line that repeats itself."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from chat.actions.conversations import Started
from chat.errors import AlreadyOpen
from chat.live.protocol.visitor import StartFields
from chat.models import Visitor
from tenants.context import in_company
from tests.cast import Cast
from tests.chat.test_starting import new_visitor, start, stored

pytestmark = pytest.mark.real_commits


@pytest.mark.parametrize("is_same_frame", [True, False])
def test_of_starts_at_once_one_opens_the_chat_and_the_others_are_told(
    cast: Cast, is_same_frame: bool
) -> None:
    visitor_id, ids = new_visitor(cast.acme), [uuid.uuid4() for _ in range(6)]
    if is_same_frame:
        ids = ids[:1] * 6
    together = threading.Barrier(len(ids))
    before = stored(cast.acme)

    def attempt(number: int) -> Started | None:
        together.wait()
        try:
            fields = StartFields(name=f"Mia {ids[number]}")
            return start(cast.acme, visitor_id, start_id=ids[number], fields=fields)
        except AlreadyOpen:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(len(ids)) as tabs:
        answers = list(tabs.map(attempt, range(len(ids))))
    new = [n for n, answer in enumerate(answers) if answer and answer.is_new]
    assert len(new) == 1
    winner = answers[new[0]]
    assert winner is not None
    repeated = Started(winner.conversation_id, winner.seq, is_new=False) if is_same_frame else None
    assert [answers[n] for n in range(len(ids)) if n not in new] == [repeated] * 5
    assert [now - then for now, then in zip(stored(cast.acme), before, strict=True)] == [1, 2, 1, 1]
    with in_company(cast.acme):
        assert Visitor.objects.get(pk=visitor_id).name == f"Mia {ids[new[0]]}"

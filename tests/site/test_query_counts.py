"""How often each page asks the database, whatever the number of rows it shows."""

from collections.abc import Callable

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.cast import Cast
from tests.site.stories import conversation, lead

pytestmark = pytest.mark.django_db

# Session, person and role are three of each.
COUNTS = {
    "/admin/": 12,
    "/admin/checklist/": 10,
    "/admin/install/": 5,
    "/admin/install/seen/": 5,
    "/admin/conversations/": 6,
    "/admin/leads/": 6,
    "/admin/people/": 5,
    "/admin/audit/": 6,
    "/admin/settings/": 4,
    "/admin/chat/cannedreply/": 5,
}


@pytest.mark.parametrize("path", COUNTS)
def test_a_page_asks_as_often_for_many_rows_as_for_few(
    cast: Cast, client_for: Callable[..., Client], path: str
) -> None:
    ContentType.objects.clear_cache()
    client = client_for(cast.olga, cast.acme)
    conversation(cast.acme, agent=cast.ana)
    lead(cast.acme)
    # What every process asks once: company, keys.
    client.get(path)
    few = queries(client, path)
    for _ in range(3):
        conversation(cast.acme, agent=cast.amir)
        lead(cast.acme)
    many = queries(client, path)
    assert len(many) == COUNTS[path], "\n".join(many)
    assert len(few) == COUNTS[path], "\n".join(few)


def test_a_transcript_is_read_in_seven(cast: Cast, client_for: Callable[..., Client]) -> None:
    chat = conversation(cast.acme, agent=cast.ana)
    client = client_for(cast.olga, cast.acme)
    client.get("/admin/conversations/")
    asked = queries(client, f"/admin/conversations/{chat}/")
    assert len(asked) == 7, "\n".join(asked)


def test_the_start_page_asks_for_nobody_nothing(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    assert queries(client_for(None), "/") == []


def queries(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"][:150] for query in captured if "SET search_path" not in query["sql"]]

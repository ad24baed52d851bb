"""One statement over many companies counts as having touched all of them."""

import pytest
from django.db import connection
from psycopg import sql

from tenants import context
from tenants.many_schemas import rows_of_many
from tests.cast import Cast

pytestmark = pytest.mark.real_commits
SELECT = sql.SQL("SELECT {schema}, count(*) FROM {table} WHERE id = ANY(%s::uuid[])")


@pytest.mark.parametrize(("companies", "is_closed"), [(2, False), (3, True)])
def test_a_connection_is_closed_after_many_companies_at_once(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, companies: int, is_closed: bool
) -> None:
    monkeypatch.setattr(context, "COMPANIES_PER_CONNECTION", 3)
    connection.close()
    names = [company.schema_name for company in cast.companies[:companies]]
    found = rows_of_many(SELECT, "chat_visitor", {name: [] for name in names})
    assert found == [(name, 0) for name in names]
    assert (connection.connection is None) is is_closed

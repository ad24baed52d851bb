"""One statement over the same table of many companies."""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from psycopg import sql

from tenants import context

# A statement locks every table and index it names, and PostgreSQL has room for some thousands only.
SCHEMAS_A_STATEMENT = 100


def rows_of_many(
    select: sql.SQL, table: str, wanted: Mapping[str, list[Any]]
) -> list[tuple[Any, ...]]:
    """What `select` finds in the `table` of each company, by schema name.

    In `select`, {table} and {schema} stand for the qualified table and the schema's name, and its
    one parameter for the company's list. It may run in any schema, so it reads nothing encrypted.
    Queries: 1 for each SCHEMAS_A_STATEMENT companies.
    """
    found: list[tuple[Any, ...]] = []
    schemas = list(wanted)
    for start in range(0, len(schemas), SCHEMAS_A_STATEMENT):
        chunk = schemas[start : start + SCHEMAS_A_STATEMENT]
        parts = [
            select.format(table=sql.Identifier(schema, table), schema=sql.Literal(schema))
            for schema in chunk
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts), [wanted[schema] for schema in chunk])
            found += cursor.fetchall()
        context.count_touched(chunk)
    return found

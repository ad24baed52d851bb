"""Entering and leaving a company's schema in synchronous code."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from django import db
from django_tenants.utils import get_public_schema_name

from tenants.errors import CompanyGone
from tenants.log_context import log_ids
from tenants.resolution import CompanyRef

# Untyped: the schema's attributes are django-tenants' own.
connection: Any = db.connection

# PostgreSQL keeps what it learnt of every table a connection has touched; each company has its own
# tables. A connection is closed, and opened again when needed, after this many companies.
COMPANIES_PER_CONNECTION = 100


@contextlib.contextmanager
def in_company(company: CompanyRef) -> Iterator[None]:
    """Run the block in the company's schema; whatever was entered before is entered again after.

    Log lines written inside carry the company's id.
    """
    previous = connection.tenant
    connection.set_tenant(company)
    try:
        with log_ids(company=company.id):
            yield
    finally:
        connection.set_tenant(previous)
        count_touched([company.schema_name])


@contextlib.contextmanager
def in_public() -> Iterator[None]:
    """Run the block in the public schema."""
    previous = connection.tenant
    connection.set_schema_to_public()
    try:
        yield
    finally:
        connection.set_tenant(previous)


@contextlib.contextmanager
def in_schema(name: str) -> Iterator[None]:
    """Run the block in a schema, whether or not a company has it yet: for migrating alone."""
    connection.set_schema(name)
    try:
        yield
    finally:
        connection.set_schema_to_public()
        count_touched([name])


def leave_all() -> None:
    """Stand in the public schema, whatever an earlier piece of work left behind."""
    connection.set_schema_to_public()


def current_company() -> CompanyRef:
    """The company whose schema this thread is in. Raises CompanyGone in the public schema."""
    if connection.schema_name == get_public_schema_name() or not isinstance(
        connection.tenant, CompanyRef
    ):
        raise CompanyGone("This runs only inside a company.")
    return connection.tenant


def count_touched(schema_names: Iterable[str]) -> None:
    """Count the companies whose tables were just read or written and left; close a connection that
    has touched too many, where nothing is entered and no transaction is open."""
    raw: Any = connection.connection
    if raw is None:
        return
    counted = getattr(connection, "companies_touched", None)
    if counted is None or counted[0] is not raw:
        counted = connection.companies_touched = (raw, set())
    companies: set[str] = counted[1]
    companies.update(schema_names)
    outermost = connection.schema_name == get_public_schema_name()
    if len(companies) >= COMPANIES_PER_CONNECTION and outermost and not connection.in_atomic_block:
        connection.close()

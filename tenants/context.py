"""Entering and leaving a company's schema in synchronous code."""

import contextlib
from collections.abc import Iterator

from django.db import connection
from django_tenants.utils import get_public_schema_name

from tenants.errors import CompanyGone
from tenants.resolution import CompanyRef


@contextlib.contextmanager
def in_company(company: CompanyRef) -> Iterator[None]:
    """Run the block in the company's schema; whatever was entered before is entered again after."""
    previous = connection.tenant
    connection.set_tenant(company)
    try:
        yield
    finally:
        connection.set_tenant(previous)


@contextlib.contextmanager
def in_public() -> Iterator[None]:
    """Run the block in the public schema."""
    previous = connection.tenant
    connection.set_schema_to_public()
    try:
        yield
    finally:
        connection.set_tenant(previous)


def current_company() -> CompanyRef:
    """The company whose schema this thread is in. Raises CompanyGone in the public schema."""
    if connection.schema_name == get_public_schema_name() or not isinstance(
        connection.tenant, CompanyRef
    ):
        raise CompanyGone("This runs only inside a company.")
    return connection.tenant

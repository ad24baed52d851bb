"""Many companies, quickly: copies of one company's empty tables."""

import uuid

from django.db import connection, transaction
from psycopg import sql

from tenants import schemas
from tenants.models import Company, Domain, SpareSchema
from tenants.resolution import CompanyRef

_COPY = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL);")
_MIGRATED = sql.SQL("INSERT INTO {} (app, name, applied) SELECT app, name, applied FROM {}")


def make_companies(count: int) -> tuple[list[CompanyRef], int]:
    """The companies, each with its host, and how many tables each of them has."""
    schemas.make_spare()
    template = SpareSchema.objects.latest("pk").schema_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [template])
        tables = [name for (name,) in cursor.fetchall()]
    companies = [
        Company(
            name=f"Company {number}",
            slug=f"company{number}",
            schema_name=f"t_{uuid.uuid4().hex}",
            state=Company.State.ACTIVE,
        )
        for number in range(count)
    ]
    Company.objects.bulk_create(companies)
    Domain.objects.bulk_create(
        Domain(tenant=company, domain=f"{company.slug}.localhost") for company in companies
    )
    for company in companies:
        _copy(template, company.schema_name, tables)
    return [CompanyRef.of(company) for company in companies], len(tables)


def _copy(template: str, name: str, tables: list[str]) -> None:
    made = sql.SQL("").join(
        _COPY.format(sql.Identifier(name, table), sql.Identifier(template, table))
        for table in tables
    )
    migrated = _MIGRATED.format(
        sql.Identifier(name, "django_migrations"), sql.Identifier(template, "django_migrations")
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        cursor.execute(made)
        cursor.execute(migrated)

"""Migrating 1,000 companies by one column, an index and a constraint."""

import os
import statistics
import time

import django
from django.core.management import call_command

COMPANIES = int(os.environ.get("BENCH_COMPANIES", "1000"))
ONE_BY_ONE = 5


def main() -> None:
    django.setup()
    from django.conf import settings

    from tests.benchmarks.copies import make_companies
    from tests.benchmarks.result import publish

    companies, tables = make_companies(COMPANIES)
    settings.MIGRATION_MODULES = {"chat": "tests.tenants.later"}
    one_by_one = statistics.median(
        _migrate(schema_name=company.schema_name) for company in companies[:ONE_BY_ONE]
    )
    together = _migrate()
    again = _migrate()
    publish(
        "migrations",
        figures={
            "all companies s": together,
            "all companies, nothing to do s": again,
            "one company by Django s": one_by_one,
            "all companies one by one s, reckoned": one_by_one * COMPANIES,
        },
        targets={"all companies s": ("<=", 30.0)},
        context={"companies": COMPANIES, "tables of a company": tables},
    )


def _migrate(**which: str) -> float:
    """Seconds of the command for all companies, or for the one of `schema_name`."""
    began = time.perf_counter()
    call_command("migrate", tenant=True, skip_checks=True, interactive=False, verbosity=0, **which)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

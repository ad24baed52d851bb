"""Migrating 1,000 companies by one column, an index and a constraint."""

import os
import statistics
import time

import django

COMPANIES = int(os.environ.get("BENCH_COMPANIES", "1000"))
ONE_BY_ONE = 5


def main() -> None:
    django.setup()
    from django.conf import settings

    from tests.benchmarks.copies import make_companies
    from tests.benchmarks.result import publish

    companies, tables = make_companies(COMPANIES)
    settings.MIGRATION_MODULES = {"chat": "tests.tenants.later"}
    names = [company.schema_name for company in companies]
    one_by_one = statistics.median(_migrate([name]) for name in names[:ONE_BY_ONE])
    together = _migrate(names)
    again = _migrate(names)
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


def _migrate(names: list[str]) -> float:
    from tenants.management.commands.migrate import Command
    from tenants.migrating import AlikeExecutor

    parser = Command().create_parser("manage.py", "migrate")
    options = vars(parser.parse_args(["--skip-checks", "--noinput", "--verbosity", "0"]))
    began = time.perf_counter()
    AlikeExecutor((), options).run_migrations(tenants=names)  # type: ignore[no-untyped-call]
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

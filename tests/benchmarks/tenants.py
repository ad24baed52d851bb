"""What 200 companies cost: a request's way into its company, and a connection's memory."""

import statistics
import time
from pathlib import Path
from typing import Any

import django

COMPANIES = 200
REQUESTS = 6000


def main() -> None:
    django.setup()
    from tenants import context
    from tests.benchmarks.copies import make_companies
    from tests.benchmarks.result import publish

    per_connection = context.COMPANIES_PER_CONNECTION
    companies, tables = make_companies(COMPANIES)
    hosts = [f"{company.slug}.localhost" for company in companies]
    plain, tenancy = _requests(hosts)
    forever = _memory(recycle_after=COMPANIES * 10)
    bounded = _memory(recycle_after=per_connection)
    first = _first_look_up(hosts)
    publish(
        "tenants",
        figures={
            "company from host us over no tenancy": (tenancy - plain) * 1e6,
            "request without tenancy us": plain * 1e6,
            "request with tenancy us": tenancy * 1e6,
            "first look-up of a host us": first * 1e6,
            "connection memory MB, never closed": forever,
            "connection memory MB, at most": bounded,
            "companies per 150 MB": COMPANIES * 150 / forever,
        },
        targets={
            "company from host us over no tenancy": ("<=", 150),
            "connection memory MB, at most": ("<=", 150),
        },
        context={
            "companies": COMPANIES,
            "tables of a company": tables,
            "companies per connection": per_connection,
            "requests": REQUESTS,
        },
    )


def _requests(hosts: list[str]) -> tuple[float, float]:
    """Seconds of a request that runs one statement, without and with the middleware.

    The fastest tenth: what else the machine does is not the middleware's cost.
    """
    from django.db import connection
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory

    from tenants.middleware import CompanyMiddleware

    def answer(request: HttpRequest) -> HttpResponse:
        request.get_host()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return HttpResponse()

    factory = RequestFactory()
    through = CompanyMiddleware(answer)
    made = [factory.get("/", headers={"host": host}) for host in hosts]
    plain: list[float] = []
    tenancy: list[float] = []
    # In turns, so that a neighbour's load falls on both.
    for n in range(REQUESTS):
        for times, handle in ((plain, answer), (tenancy, through)):
            request = made[n % len(made)]
            began = time.perf_counter()
            handle(request)
            times.append(time.perf_counter() - began)
    warm = len(hosts)
    return _fastest_tenth(plain[warm:]), _fastest_tenth(tenancy[warm:])


def _fastest_tenth(times: list[float]) -> float:
    return statistics.quantiles(times, n=10)[0]


def _first_look_up(hosts: list[str]) -> float:
    from tenants import resolution

    times = []
    for host in hosts:
        resolution.forget()
        began = time.perf_counter()
        resolution.company_by_host(host)
        times.append(time.perf_counter() - began)
    return _fastest_tenth(times)


def _memory(*, recycle_after: int) -> float:
    """The most megabytes the server's side of a connection holds while all companies are read."""
    from django.apps import apps
    from django.conf import settings
    from django.db import connection

    from tenants import context
    from tenants.context import in_company
    from tenants.models import Company
    from tenants.resolution import CompanyRef

    context.COMPANIES_PER_CONNECTION = recycle_after
    companies = [CompanyRef.of(company) for company in Company.objects.all()]
    models: list[Any] = [m for app in settings.TENANT_APPS for m in _models(apps, app)]
    connection.close()
    most = 0.0
    for company in companies:
        with in_company(company):
            for model in models:
                model.objects.filter(pk__isnull=True).first()
                list(model.objects.all()[:1])
            most = max(most, _backend_megabytes())
    return most


def _models(apps: Any, app: str) -> list[Any]:
    return list(apps.get_app_config(app).get_models())


def _backend_megabytes() -> float:
    """Memory of the connection's server process that it shares with nobody."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row = cursor.fetchone()
    status = Path(f"/proc/{row[0] if row else 0}/status")
    if not status.exists():
        raise SystemExit("The memory of a connection is measured on the server's own machine.")
    return int(status.read_text().partition("RssAnon:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()

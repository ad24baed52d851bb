"""How soon a captured lead is at the CRM, by a real worker; what a killed one costs; whether a CRM
that does not answer slows the others.
"""

import contextlib
import statistics
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from tenants.resolution import CompanyRef
    from tests.crm_sync.doubles import HttpDouble

COMPANIES, WARM_UP, ONE_BY_ONE, EVERY_SECONDS, QUEUED = 6, 24, 60, 0.25, 100


def main() -> None:
    django.setup()
    from tests.benchmarks.result import publish
    from tests.crm_sync.doubles import http_double

    companies = [_company() for _ in range(COMPANIES)]
    with http_double() as crm, tempfile.TemporaryDirectory() as folder:
        for company in companies:
            _connect(company, crm.url)
        log = Path(folder) / "worker.log"
        with _workers(log, companies[0], crm):
            # Each process of the worker meets each company for the first time once.
            _waits(companies, crm, count=WARM_UP)
            idle = _waits(companies, crm)
            with _dead_crm() as dead:
                _connect(companies[0], dead)
                beside = _waits(companies, crm)
                _switch_off(companies[0], dead)
        seconds, lost, doubled = _killed(companies[1], crm, log)
    publish(
        "crm",
        figures={
            "lead to first attempt p50 ms": statistics.median(idle) * 1000,
            "lead to first attempt p95 ms": _p95(idle) * 1000,
            "p95 beside a dead CRM ms": _p95(beside) * 1000,
            "p95 beside a dead CRM, times": _p95(beside) / _p95(idle),
            "killed: seconds to all delivered": seconds,
            "killed: leads lost": lost,
            "killed: requests beyond one each": doubled,
        },
        targets={
            "lead to first attempt p95 ms": ("<", 2000),
            "p95 beside a dead CRM, times": ("<=", 1.2),
            "killed: seconds to all delivered": ("<=", 60),
            "killed: leads lost": ("<=", 0),
            "killed: requests beyond one each": ("<=", 1),
        },
        context={
            "connections": COMPANIES,
            "leads one by one": ONE_BY_ONE,
            "a lead every seconds": EVERY_SECONDS,
            "leads queued before the kill": QUEUED,
            "worker": "one, two processes",
        },
    )


def _company() -> "CompanyRef":
    from tenants.actions.provisioning import provision_company
    from tenants.actor import SYSTEM
    from tenants.models import User
    from tenants.resolution import CompanyRef

    name = f"c{uuid.uuid4().hex[:12]}"
    company = provision_company(
        actor=SYSTEM,
        name=name,
        slug=name,
        website="",
        time_zone="UTC",
        vertical="general",
        owner=User.objects.create(email=f"{name}@people.example"),
    )
    return CompanyRef.of(company)


def _connect(company: "CompanyRef", url: str) -> None:
    from tenants.context import in_company
    from tests.crm_sync import builders

    with in_company(company):
        builders.webhook(company, url)


def _switch_off(company: "CompanyRef", url: str) -> None:
    from crm_sync.models import Connection
    from tenants.context import in_company

    with in_company(company):
        for connection in Connection.objects.all():
            if url in connection.settings:
                connection.state = Connection.State.DISABLED
                connection.save()


@contextlib.contextmanager
def _workers(log: Path, company: "CompanyRef", crm: "HttpDouble") -> Iterator[None]:
    """The workers of a small installation and the clock, which have delivered a first lead."""
    from tests.servers import Worker

    own = Worker(queues="interactive,default", log=log).start()
    waiting = Worker(queues="delivery", concurrency=3, beat=False, log=log).start()
    try:
        _capture(company)
        _until(lambda: bool(crm.received), 60)
        yield
    finally:
        own.kill()
        waiting.kill()


def _waits(
    companies: list["CompanyRef"], crm: "HttpDouble", *, count: int = ONE_BY_ONE
) -> list[float]:
    """Seconds from commit to the CRM's door, for leads that come one by one."""
    captured: dict[str, float] = {}
    for number in range(count):
        began = time.monotonic()
        key = _capture(companies[number % len(companies)])
        captured[key] = time.monotonic()
        time.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))
    _until(lambda: captured.keys() <= crm.arrived.keys(), 60)
    return [max(0.0, crm.arrived[key] - at) for key, at in captured.items()]


@contextlib.contextmanager
def _dead_crm() -> Iterator[str]:
    """A CRM that takes connections and never answers."""
    from tests.crm_sync import doubles

    with doubles.http_double() as dead:
        dead.answers = [doubles.hang(60)]
        yield dead.url


def _killed(company: "CompanyRef", crm: "HttpDouble", log: Path) -> tuple[float, int, int]:
    """Kill -9 amid the leads, start again: seconds to the last, leads lost, requests too many."""
    from tests.crm_sync import doubles
    from tests.servers import Worker

    crm.answers = [doubles.slowly(0.05)]
    before = len(crm.received)
    keys = {_capture(company) for _ in range(QUEUED)}
    first = Worker(log=log).start()
    try:
        _until(lambda: len(crm.received) > before + 20, 60)
    finally:
        first.kill()
    began = time.monotonic()
    second = Worker(log=log).start()
    with contextlib.suppress(TimeoutError):
        _until(lambda: keys <= crm.arrived.keys(), 120)
    seconds = time.monotonic() - began
    second.kill()
    requests = Counter(r.headers["webhook-id"] for r in crm.received[before:])
    return seconds, len(keys - requests.keys()), sum(requests.values()) - len(requests)


def _capture(company: "CompanyRef") -> str:
    """Store a lead; the id under which it arrives."""
    from crm_sync.actions.deliveries import idempotency_key
    from tenants.context import in_company
    from tests.crm_sync import builders

    with in_company(company):
        return idempotency_key(builders.captured(company), 1)


def _until(done: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    main()

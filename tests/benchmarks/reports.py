"""How long the report page takes over two years of a busy company."""

import logging
import os
import statistics
import time
import uuid
from typing import Any

import django

# Two years of a company with 300 chats, 1,000 visits and 100 leads a day.
DAYS = int(os.environ.get("BENCH_DAYS", "728"))
CHATS, VISITS, LEADS = 300 * DAYS, 1_000 * DAYS, 100 * DAYS
RANGES = (28, 728)
ROUNDS = 9


def main() -> None:
    django.setup()
    from reports.models import Metric
    from reports.tasks import roll_up
    from tests.benchmarks.result import publish

    company, owner = _company()
    _fill(company)
    client = _client(owner)
    logging.disable(logging.INFO)
    # What every process has loaded by its first minute.
    _page_ms(client, company, Metric.LEADS.value, 7)
    figures: dict[str, float] = {}
    # Until the clock's next round: a company that moved to another zone, or to this release.
    for metric in Metric:
        for days in RANGES:
            spent_once = _page_ms(client, company, metric.value, days)
            figures[f"{metric} of {days} days not rolled up ms"] = spent_once
    began = time.perf_counter()
    roll_up(str(company.id))
    figures["roll-up by the clock ms"] = (time.perf_counter() - began) * 1000
    for metric in Metric:
        figures[f"{metric} first look ms"] = _page_ms(client, company, metric.value, 28)
        for days in RANGES:
            spent = [_page_ms(client, company, metric.value, days) for _ in range(ROUNDS)]
            figures[f"{metric} of {days} days p50 ms"] = statistics.median(spent)
            figures[f"{metric} of {days} days max ms"] = max(spent)
    publish(
        "reports",
        figures=figures,
        targets={
            f"{metric} {look}": ("<", 300)
            for metric in Metric
            for look in ("first look ms", "of 728 days max ms")
        },
        context={"chats": CHATS, "visits": VISITS, "leads": LEADS, "rounds": ROUNDS},
    )


def _company() -> tuple[Any, Any]:
    from chat.models import OpenInterval
    from tenants.actions.provisioning import provision_company
    from tenants.actor import SYSTEM
    from tenants.context import in_company
    from tenants.models import Company, User
    from tenants.resolution import CompanyRef

    name = f"c{uuid.uuid4().hex[:12]}"
    owner = User.objects.create_user(f"{name}@people.example", None, name="Olga Owner")
    made = provision_company(
        actor=SYSTEM,
        name=name,
        slug=name,
        website="https://www.busy.example",
        time_zone="America/New_York",
        vertical=Company.Vertical.RETAIL,
        owner=owner,
    )
    company = CompanyRef.of(made)
    with in_company(company):
        OpenInterval.objects.bulk_create(
            OpenInterval(weekday=day, opens="09:00", closes="17:30") for day in range(5)
        )
    return company, owner


def _fill(company: Any) -> None:
    """Rows as wide as real ones, spread over the two years; what is encrypted is only long."""
    from django.db import connection

    from tenants.context import in_company

    long_text = "t2:1:" + "g" * 140
    spread = "now() - random() * %(days)s * interval '1 day'"
    phase = (
        "CASE WHEN extract(isodow FROM at) > 5 THEN 'closed_day' WHEN extract(hour FROM at) < 14"
        " THEN 'before' WHEN extract(hour FROM at) < 22 THEN 'during' ELSE 'after' END"
    )
    visitor = uuid.uuid4()
    with in_company(company), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chat_visitor (id, secret_digest, name, email, phone, email_index,"
            " phone_index, first_seen_at, last_seen_at)"
            " VALUES (%s, 'digest', '', '', '', '', '', now(), now())",
            [visitor],
        )
        cursor.execute(
            "INSERT INTO chat_visit (id, visitor_id, started_at, origin, page_url, page_title,"  # noqa: S608
            f" referrer, user_agent) SELECT gen_random_uuid(), %(visitor)s, {spread},"
            " 'https://www.busy.example', %(text)s, %(text)s, %(text)s, %(text)s"
            " FROM generate_series(1, %(count)s)",
            {"visitor": visitor, "days": DAYS, "text": long_text, "count": VISITS},
        )
        cursor.execute(
            "INSERT INTO chat_conversation (id, visitor_id, start_id, state, phase, started_at,"  # noqa: S608
            " closed_at, disposition, last_seq, last_visitor_seq, desk_seen_seq, visitor_seen_seq)"
            " SELECT gen_random_uuid(), %(visitor)s, gen_random_uuid(), 'closed',"
            f" {phase}, at, at, 'answered', 12, 10, 12, 10"
            f" FROM (SELECT {spread} AS at FROM generate_series(1, %(count)s)) moments",
            {"visitor": visitor, "days": DAYS, "count": CHATS},
        )
        cursor.execute(
            "INSERT INTO chat_lead (id, source, client_id, phase, revision, captured_at,"  # noqa: S608
            " email_index, phone_index) SELECT gen_random_uuid(), 'offline_form',"
            f" gen_random_uuid(), {phase}, 1, at, '', ''"
            f" FROM (SELECT {spread} AS at FROM generate_series(1, %(count)s)) moments",
            {"days": DAYS, "count": LEADS},
        )
        # What autovacuum does in the hours in which such a company grows.
        cursor.execute("VACUUM ANALYZE chat_visit, chat_conversation, chat_lead")


def _client(owner: Any) -> Any:
    from django.test import Client

    client = Client()
    client.force_login(owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def _page_ms(client: Any, company: Any, metric: str, days: int) -> float:
    """One whole request through every middleware, the template included."""
    began = time.perf_counter()
    answer = client.get(
        "/admin/reports/",
        {"metric": metric, "days": str(days)},
        headers={"host": f"{company.slug}.localhost"},
    )
    spent = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"The report answered {answer.status_code}.")
    return spent


if __name__ == "__main__":
    main()

"""A company's task runs inside its company, or not at all."""

import time
import uuid
from collections.abc import Iterator

import pytest
from celery import current_app
from django.db import connection

from tenants.celery_task import CompanyTask, WakeUpTask, company_task
from tenants.context import current_company, in_company
from tenants.log_context import log_context
from tenants.models import Company, DeadTask
from tenants.resolution import CompanyRef
from tests.cast import Cast

pytestmark = pytest.mark.django_db

seen: list[tuple[CompanyRef, str, str, dict[str, str]]] = []


@company_task()
def look_around(company: CompanyRef, object_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        row = cursor.fetchone()
    assert current_company() == company
    seen.append((company, object_id, row[0], dict(log_context.get())))


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


@pytest.fixture
def broker_gone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forget_connections() -> None:
        current_app.set_current()
        monkeypatch.setattr(current_app, "_pool", None)
        monkeypatch.setattr(current_app.amqp, "_producer_pool", None)

    monkeypatch.setattr(WakeUpTask, "broker_gone_until", 0.0)
    kept = current_app.conf["broker_url"], current_app.conf["broker_write_url"]
    forget_connections()
    current_app.conf["broker_url"] = current_app.conf["broker_write_url"] = "redis://127.0.0.1:1/0"
    yield
    current_app.conf["broker_url"], current_app.conf["broker_write_url"] = kept


def test_the_task_enters_the_company_of_its_first_argument(cast: Cast) -> None:
    with in_company(cast.initech):
        look_around(str(cast.acme.id), "42")
        assert current_company() == cast.initech
    ((company, object_id, schema, ids),) = seen
    assert (company, object_id, schema) == (cast.acme, "42", cast.acme.schema_name)
    assert ids["company"] == str(cast.acme.id)
    assert connection.schema_name == "public"  # type: ignore[attr-defined]


@pytest.mark.parametrize("company_id", [str(uuid.UUID(int=7)), "", "public", "acme", "None"])
def test_a_task_of_no_company_is_kept_and_not_run(cast: Cast, company_id: str) -> None:
    with in_company(cast.initech):
        look_around(company_id, "42")
    assert seen == []
    dead = DeadTask.objects.get()
    assert dead.company_id == company_id
    assert dead.task.endswith("look_around")
    assert dead.arguments == {"args": ["42"]}
    assert dead.reason == "company_gone"


def test_a_task_without_arguments_is_kept_and_not_run(cast: Cast) -> None:
    look_around()
    assert seen == []
    assert DeadTask.objects.get().company_id == ""


def test_a_suspended_company_s_task_is_not_run_though_the_company_is_cached(cast: Cast) -> None:
    look_around(str(cast.acme.id), "1")
    Company.objects.filter(pk=cast.acme.id).update(state=Company.State.SUSPENDED)
    look_around(str(cast.acme.id), "2")
    assert [object_id for _, object_id, *_ in seen] == ["1"]
    assert DeadTask.objects.get().arguments == {"args": ["2"]}


def test_a_missing_company_is_refused_where_the_task_is_called() -> None:
    with pytest.raises(TypeError):
        look_around.delay()


def test_a_lost_broker_fails_no_caller(broker_gone: None, cast: Cast) -> None:
    started = time.monotonic()
    for n in range(20):
        assert look_around.delay(str(cast.acme.id), str(n)) is None
    assert time.monotonic() - started < 2.5
    assert seen == []


def test_a_bound_company_task_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be bound"):
        company_task(bind=True)


def test_every_task_of_a_company_app_is_a_company_task_or_a_sweep() -> None:
    current_app.loader.import_default_modules()
    takers = {
        name: task
        for name, task in current_app.tasks.items()
        if name.split(".")[0] in {"chat", "crm_sync", "reports"}
        and "company" in task.run.__code__.co_varnames[: task.run.__code__.co_argcount]
    }
    assert {name for name, task in takers.items() if not isinstance(task, CompanyTask)} == set()

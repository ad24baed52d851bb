"""Attacks on the way into a company's schema, and out of it."""

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django import db
from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, ProgrammingError, transaction

from chat.models import CannedReply
from tenants import async_db, context
from tenants.async_db import ensure_keys, run_in_company, run_in_public
from tenants.context import current_company, in_company, in_public
from tenants.errors import CompanyGone
from tenants.keyring import store
from tenants.log_context import log_context, log_ids
from tenants.models import Company, SpareSchema
from tenants.resolution import CompanyRef
from tests.cast import Cast

# Untyped: the schema's attributes are django-tenants' own.
connection: Any = db.connection


def current_schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def bodies() -> list[str]:
    return list(CannedReply.objects.values_list("body", flat=True))


def tables(schema: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        return {row[0] for row in cursor.fetchall()}


@pytest.fixture
def threads_end() -> Iterator[None]:
    """Connections of the pool's threads must not outlive a test that commits."""
    yield
    if async_db._pool is not None:
        async_db._pool.shutdown()
        async_db._pool = None


# --- From an event loop ---------------------------------------------------------------------------
@pytest.mark.real_commits
async def test_interleaved_work_of_companies_sees_only_its_own_rows(
    cast: Cast, threads_end: None
) -> None:
    async def work(company: CompanyRef) -> None:
        for _ in range(10):
            assert await run_in_company(company, bodies) == [f"Welcome to {company.name}!"]
            await asyncio.sleep(0)

    await asyncio.gather(*(work(company) for company in cast.companies * 6))


@pytest.mark.real_commits
async def test_a_thread_is_left_in_public_even_by_work_that_fails(
    cast: Cast, threads_end: None
) -> None:
    def fail() -> None:
        assert current_company() == cast.initech
        raise ZeroDivisionError

    for _ in range(settings.SOCKET_DATABASE_THREADS * 2):
        with pytest.raises(ZeroDivisionError):
            await run_in_company(cast.initech, fail)
        assert await run_in_public(current_schema) == "public"


@pytest.mark.real_commits
@pytest.mark.parametrize(
    "leak",
    [
        lambda: CannedReply.objects.all(),
        lambda: CannedReply.objects.raw("SELECT * FROM chat_cannedreply"),
        lambda: CannedReply.objects.values_list("body"),
        lambda: (1, CannedReply.objects.all()),
        lambda: {"replies": CannedReply.objects.all()},
        lambda: [CannedReply.objects.all()],
        lambda: CannedReply.objects.iterator(),
        lambda: (reply.body for reply in CannedReply.objects.all()),
        lambda: iter([1]),
        lambda: map(str, [1]),
    ],
)
async def test_what_would_be_read_after_the_schema_was_left_is_refused(
    cast: Cast, threads_end: None, leak: Any
) -> None:
    with pytest.raises(TypeError, match="Return rows"):
        await run_in_company(cast.initech, leak)


@pytest.mark.real_commits
async def test_the_log_ids_of_a_socket_reach_the_thread(cast: Cast, threads_end: None) -> None:
    with log_ids(conversation="c1"):
        assert await run_in_company(cast.acme, lambda: dict(log_context.get())) == {
            "conversation": "c1",
            "company": str(cast.acme.id),
        }


@pytest.mark.real_commits
async def test_keys_are_brought_to_the_loop_before_they_are_needed(
    cast: Cast, threads_end: None
) -> None:
    store.forget()
    assert not store.is_at_hand(cast.acme.schema_name)
    gone = CompanyRef(**{**_fields(cast.acme), "schema_name": f"t_{uuid.uuid4().hex}"})
    failed = await ensure_keys([cast.acme, gone, cast.globex])
    assert [(schema, type(why)) for schema, why in failed.items()] == [
        (gone.schema_name, store.KeyGone)
    ]
    assert store.is_at_hand(cast.acme.schema_name)
    assert store.is_at_hand(cast.globex.schema_name)
    assert not store.is_at_hand(cast.initech.schema_name)


def _fields(company: CompanyRef) -> dict[str, Any]:
    return {name: getattr(company, name) for name in CompanyRef.__slots__}


# --- In threads -----------------------------------------------------------------------------------
@pytest.mark.real_commits
def test_threads_do_not_share_what_they_entered(cast: Cast) -> None:
    def work(company: CompanyRef) -> list[str]:
        try:
            with in_company(company):
                return [current_schema(), *bodies()]
        finally:
            connection.close()

    with in_company(cast.initech), ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, cast.companies * 5))
        assert current_schema() == cast.initech.schema_name
    expected = [[c.schema_name, f"Welcome to {c.name}!"] for c in cast.companies * 5]
    assert results == expected


@pytest.mark.django_db
def test_leaving_goes_back_to_what_was_entered_before(cast: Cast) -> None:
    with in_company(cast.acme):
        with in_company(cast.initech):
            assert bodies() == ["Welcome to Initech!"]
            with in_public():
                assert current_schema() == "public"
                with pytest.raises(CompanyGone):
                    current_company()
        assert bodies() == ["Welcome to Acme Motors!"]
        assert current_company() == cast.acme
    assert current_schema() == "public"


@pytest.mark.django_db
def test_a_savepoint_rolled_back_does_not_leave_the_other_company_s_path(cast: Cast) -> None:
    with in_company(cast.acme):
        try:
            with transaction.atomic(), in_company(cast.initech):
                assert bodies() == ["Welcome to Initech!"]
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert bodies() == ["Welcome to Acme Motors!"]


@pytest.mark.django_db
def test_a_company_s_tables_are_out_of_reach_from_public(cast: Cast) -> None:
    with in_public(), pytest.raises(ProgrammingError), transaction.atomic():
        bodies()


# --- What stands where ----------------------------------------------------------------------------
@pytest.mark.django_db
def test_no_table_stands_in_public_and_in_a_company(cast: Cast) -> None:
    for company in cast.companies:
        assert tables("public") & tables(company.schema_name) == {"django_migrations"}
        assert tables(company.schema_name) == tables(cast.acme.schema_name)


def test_no_app_and_no_table_name_stands_on_both_sides() -> None:
    assert set(settings.SHARED_APPS) & set(settings.TENANT_APPS) == set()
    names = {"shared": set[str](), "tenant": set[str]()}
    for model in apps.get_models(include_auto_created=True):
        side = "tenant" if model._meta.app_config.name in settings.TENANT_APPS else "shared"
        names[side].add(model._meta.db_table)
    assert names["shared"] & names["tenant"] == set()
    assert names["tenant"]


@pytest.mark.django_db
def test_a_missing_table_is_an_error_and_not_another_schema_s(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{cast.initech.schema_name}".chat_cannedreply')
    with in_company(cast.initech):
        for attempt in (
            bodies,
            lambda: CannedReply.objects.create(shortcut="x", title="x", body="x"),
        ):
            with pytest.raises(ProgrammingError, match="does not exist"), transaction.atomic():
                attempt()
    with in_company(cast.acme):
        assert bodies() == ["Welcome to Acme Motors!"]


@pytest.mark.django_db
def test_a_schema_that_does_not_exist_shows_nobody_s_rows(cast: Cast) -> None:
    ghost = CompanyRef(**{**_fields(cast.acme), "schema_name": f"t_{uuid.uuid4().hex}"})
    with in_company(ghost), pytest.raises(ProgrammingError), transaction.atomic():
        bodies()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["public", "acme", "t_1", "t_" + "G" * 32, "pg_catalog", "spare_1"]
)
def test_a_company_cannot_be_given_a_schema_of_another_kind(cast: Cast, name: str) -> None:
    with pytest.raises(IntegrityError, match="company_schema_name_opaque"), transaction.atomic():
        Company.objects.filter(pk=cast.acme.id).update(schema_name=name)


@pytest.mark.django_db
def test_schema_names_tell_nothing_of_the_company(cast: Cast) -> None:
    for company in cast.companies:
        assert company.slug not in company.schema_name
        assert company.id.hex not in company.schema_name
    assert not SpareSchema.objects.filter(
        schema_name__in=[company.schema_name for company in cast.companies]
    )


@pytest.mark.real_commits
def test_a_connection_that_touched_many_companies_is_closed_between_them(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "COMPANIES_PER_CONNECTION", 3)
    connection.close()

    def backend() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    pids = []
    for company in cast.companies * 2:
        with in_company(company):
            pids.append(backend())
    assert len(set(pids[:3])) == 1
    assert len(set(pids)) == 2
    with transaction.atomic():
        before = backend()
        for company in cast.companies:
            with in_company(company):
                assert backend() == before

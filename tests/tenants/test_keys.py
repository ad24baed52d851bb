"""Keys are wrapped, checked at the start, changed while the product runs, and shredded."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from encrypted_model_fields import fields as package

from chat.models import Visit, Visitor
from tenants import crypto, rotation, tidying
from tenants.actions.keys import shred_keys
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.errors import CompanyGone, DecryptionFailed
from tenants.keyring import canary, store, wrapping
from tenants.keyring.models import Canary, CompanyKey
from tenants.models import AuditEvent
from tenants.resolution import CompanyRef, company_by_id
from tests.cast import Cast
from tests.servers import PROJECT, process_environment

LABEL = "chat.visitor.name"


@pytest.fixture
def with_wrapping_keys(monkeypatch: pytest.MonkeyPatch, settings: object) -> Callable[..., None]:
    """Restart, so to say, with these key-encryption keys."""

    def use(*keys: str) -> None:
        monkeypatch.setattr(package, "CRYPTER", MultiFernet([Fernet(key) for key in keys]))
        settings.FIELD_ENCRYPTION_KEY = list(keys)  # type: ignore[attr-defined]
        store.forget()

    return use


def silent(line: str) -> None:
    pass


def tokens(company: CompanyRef) -> list[str]:
    with in_company(company), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM chat_visitor ORDER BY secret_digest")
        return [row[0] for row in cursor.fetchall()]


def add_visitors(company: CompanyRef, count: int) -> None:
    with in_company(company):
        Visitor.objects.bulk_create(
            Visitor(secret_digest=f"{n:064}", name=f"Visitor {n}", phone="") for n in range(count)
        )


def names(company: CompanyRef) -> list[str]:
    with in_company(company):
        return list(Visitor.objects.order_by("secret_digest").values_list("name", flat=True))


def versions(company: CompanyRef) -> list[int]:
    return sorted(store.data_keys_stored(company.schema_name).by_version)


def held() -> set[str]:
    """The schemas whose keys are in this process's memory."""
    return {schema_name for schema_name, _ in store._cache}


@pytest.mark.django_db
def test_keys_are_stored_wrapped_and_read_as_32_bytes(cast: Cast) -> None:
    rows = list(CompanyKey.objects.filter(schema_name=cast.acme.schema_name))
    assert {row.purpose for row in rows} == {"data", "index"}
    assert all(row.wrapped.startswith("gAAAAA") for row in rows)
    assert len(store.data_keys(cast.acme.schema_name).active_key) == 32
    assert (
        store.data_keys(cast.acme.schema_name).active_key
        != store.index_keys(cast.acme.schema_name).active_key
    )


@pytest.mark.django_db
def test_an_expired_key_leaves_memory_when_another_company_s_is_read(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.forget()
    store.load([cast.globex.schema_name])
    monkeypatch.setattr(store, "CACHE_SECONDS", 0.02)
    store.load([cast.acme.schema_name])
    assert held() == {cast.acme.schema_name, cast.globex.schema_name}
    time.sleep(0.03)
    store.data_keys(cast.initech.schema_name)
    assert held() == {cast.initech.schema_name, cast.globex.schema_name}


@pytest.mark.django_db
@pytest.mark.parametrize("stored", ["", "text", "gAAAAAtampered", "QUJD"])
def test_a_key_that_does_not_unwrap_raises_and_is_never_used_as_it_is(
    cast: Cast, stored: str
) -> None:
    CompanyKey.objects.filter(schema_name=cast.acme.schema_name).update(wrapped=stored)
    store.forget()
    with pytest.raises(wrapping.KeyUnreadable):
        crypto.encrypt(cast.acme.schema_name, LABEL, "secret")


@pytest.mark.django_db
def test_the_wrong_wrapping_key_neither_reads_nor_writes(
    cast: Cast, with_wrapping_keys: Callable[..., None]
) -> None:
    token = crypto.encrypt(cast.acme.schema_name, LABEL, "secret")
    with_wrapping_keys(Fernet.generate_key().decode())
    with pytest.raises(wrapping.KeyUnreadable):
        crypto.decrypt(cast.acme.schema_name, LABEL, token)
    with pytest.raises(wrapping.KeyUnreadable):
        crypto.encrypt(cast.acme.schema_name, LABEL, "secret")


@pytest.mark.django_db
def test_the_canary_tells_a_wrong_key(cast: Cast, with_wrapping_keys: Callable[..., None]) -> None:
    canary.verify()
    assert Canary.objects.count() == 1
    canary.verify()
    with_wrapping_keys(Fernet.generate_key().decode())
    with pytest.raises(ImproperlyConfigured, match="Set the key it was made with"):
        canary.verify()


@pytest.mark.django_db
def test_a_lost_canary_is_not_replaced_under_a_wrong_key(
    cast: Cast, with_wrapping_keys: Callable[..., None]
) -> None:
    Canary.objects.all().delete()
    with_wrapping_keys(Fernet.generate_key().decode())
    with pytest.raises(ImproperlyConfigured):
        canary.verify()
    assert not Canary.objects.exists()


@pytest.mark.real_commits
@pytest.mark.parametrize(
    "program",
    [
        ["daphne", "-b", "127.0.0.1", "-p", "0", "config.asgi:application"],
        ["celery", "--app", "config.celery:app", "worker", "--pool", "solo", "--concurrency", "1"],
        ["django", "check", "--database", "keys"],
    ],
)
def test_a_process_with_the_wrong_key_does_not_start(cast: Cast, program: list[str]) -> None:
    canary.verify()
    ended = subprocess.run(
        [sys.executable, "-m", *program],
        cwd=PROJECT,
        env=process_environment(FIELD_ENCRYPTION_KEY=Fernet.generate_key().decode()),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "FIELD_ENCRYPTION_KEY does not open this installation's keyring." in ended.stderr


@pytest.mark.django_db
def test_wrapping_keys_are_changed_by_a_command_that_may_run_again(
    cast: Cast, with_wrapping_keys: Callable[..., None], settings: object
) -> None:
    canary.verify()
    old = settings.FIELD_ENCRYPTION_KEY[0]  # type: ignore[attr-defined]
    new = Fernet.generate_key().decode()
    token = crypto.encrypt(cast.acme.schema_name, LABEL, "secret")
    stored = CompanyKey.objects.count()

    with_wrapping_keys(new, old)
    assert rotation.rewrap_keys(actor=SYSTEM, say=silent) == stored + 1
    assert rotation.rewrap_keys(actor=SYSTEM, say=silent) == 0

    with_wrapping_keys(new)
    canary.verify()
    assert crypto.decrypt(cast.acme.schema_name, LABEL, token) == "secret"
    with_wrapping_keys(old)
    with pytest.raises(ImproperlyConfigured):
        canary.verify()


@pytest.mark.real_commits
def test_a_new_data_key_replaces_the_old_one_everywhere(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 7)
    add_visitors(cast.acme, 20)
    add_visitors(cast.initech, 3)
    with in_company(cast.acme):
        visit = Visit.objects.create(
            visitor=Visitor.objects.all()[0], origin="https://acme.example", page_url="/private"
        )
    old, untouched = tokens(cast.acme), tokens(cast.initech)
    (before,) = versions(cast.acme)

    call_command("rotate_keys", company="acme", wait=0, verbosity=0)

    assert all(token.startswith(f"t2:{before + 1}:") for token in tokens(cast.acme))
    assert names(cast.acme) == [f"Visitor {n}" for n in range(20)]
    with in_company(cast.acme):
        visit.refresh_from_db()
        assert (visit.page_url, visit.referrer) == ("/private", "")
    assert tokens(cast.initech) == untouched
    assert versions(cast.acme) == [before + 1]
    with pytest.raises(DecryptionFailed, match="key that is gone"):
        crypto.decrypt(cast.acme.schema_name, LABEL, old[0])
    event = AuditEvent.objects.filter(company_id=cast.acme.id).latest("number")
    assert (event.verb, event.target_id, event.facts) == (
        "key.rotated",
        str(before + 1),
        {"rows": 21},
    )


@pytest.mark.real_commits
def test_a_rotation_that_died_goes_on_where_it_was(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_visitors(cast.acme, 10)
    (before,) = versions(cast.acme)
    monkeypatch.setattr(rotation, "BATCH", 4)
    walk = rotation._stale_rows
    calls = 0

    def die_in_the_middle(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return walk(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rotation, "_stale_rows", die_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        call_command("rotate_keys", company="acme", wait=0, verbosity=0)
    monkeypatch.setattr(rotation, "_stale_rows", walk)
    assert 0 < rotation.rows_left(cast.acme, before + 1) < 11
    assert names(cast.acme) == [f"Visitor {n}" for n in range(10)]

    call_command("rotate_keys", company="acme", wait=0, verbosity=0)

    assert rotation.rows_left(cast.acme, before + 1) == 0
    assert names(cast.acme) == [f"Visitor {n}" for n in range(10)]
    assert versions(cast.acme) == [before + 1]


@pytest.mark.real_commits
def test_a_row_somebody_edits_during_the_rotation_keeps_the_edit(cast: Cast) -> None:
    add_visitors(cast.acme, 3)
    locked, done = threading.Event(), threading.Event()

    def edit() -> None:
        with in_company(cast.acme), transaction.atomic():
            visitor = Visitor.objects.select_for_update().get(secret_digest=f"{1:064}")
            locked.set()
            # The rotation is in its passes over the rows while this one is held.
            done.wait(1.0)
            visitor.name = "Edited"
            visitor.save(update_fields=["name"])
        connection.close()

    editor = threading.Thread(target=edit)
    monkey = rotation._wait_for_open_transactions
    rotation._wait_for_open_transactions = lambda: None
    try:
        editor.start()
        locked.wait(5)
        call_command("rotate_keys", company="acme", wait=0, verbosity=0)
    finally:
        rotation._wait_for_open_transactions = monkey
        editor.join()
    assert names(cast.acme) == ["Visitor 0", "Edited", "Visitor 2"]


@pytest.mark.real_commits
def test_an_unreadable_value_keeps_the_old_key(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    add_visitors(cast.acme, 2)
    (before,) = versions(cast.acme)
    monkeypatch.setattr(rotation, "_IDLE_PASSES", 1)
    with in_company(cast.acme), connection.cursor() as cursor:
        cursor.execute("UPDATE chat_visitor SET name = 'plain' WHERE secret_digest LIKE '%1'")
    with pytest.raises(CommandError, match="1 rows are locked or cannot be read"):
        call_command("rotate_keys", company="acme", wait=0, verbosity=0)
    assert versions(cast.acme) == [before, before + 1]
    with in_company(cast.acme):
        Visitor.objects.update(name="readable")
    call_command("rotate_keys", company="acme", wait=0, verbosity=0)
    assert versions(cast.acme) == [before + 1]


@pytest.mark.django_db
def test_a_shredded_company_cannot_be_read_or_entered_again(cast: Cast) -> None:
    with in_company(cast.acme):
        Visitor.objects.create(secret_digest="a" * 64, name="Vera")
    with in_company(cast.initech):
        Visitor.objects.create(secret_digest="a" * 64, name="Victor")

    assert shred_keys(company=cast.acme, actor=SYSTEM) == 2

    with in_company(cast.acme):
        assert Visitor.objects.count() == 1
        with pytest.raises(store.KeyGone):
            Visitor.objects.get()
    with pytest.raises(CompanyGone):
        company_by_id(cast.acme.id)
    assert names(cast.initech) == ["Victor"]
    assert AuditEvent.objects.filter(verb="keys.shredded", company_id=cast.acme.id).count() == 1


@pytest.mark.django_db
def test_only_keys_without_a_company_are_swept(cast: Cast) -> None:
    import datetime

    from django.utils import timezone

    store.create_company_keys(company_id=cast.acme.id, schema_name="t_of_no_company")
    assert tidying.shred_orphan_keys() == 0
    CompanyKey.objects.update(created_at=timezone.now() - datetime.timedelta(hours=2))
    before = CompanyKey.objects.count()
    assert tidying.shred_orphan_keys() == 1
    assert CompanyKey.objects.count() == before - 2
    assert names(cast.acme) == []


def test_commands_that_destroy_ask_for_the_name_twice(db: None) -> None:
    with pytest.raises(CommandError, match="nothing was done"):
        call_command("shred_keys", "acme", confirm="acme2")

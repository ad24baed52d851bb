"""Changing keys while the product runs: data keys company by company, and their wrapping.

A data key is changed in steps that each process's key cache (store.CACHE_SECONDS) can follow: the
new key is stored, all come to know it, it encrypts, all use it, what is left of the old one is
encrypted anew, the old one is deleted. Interrupted anywhere, the next run goes on from there.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from psycopg import sql

from tenants import audit, crypto
from tenants.actor import Actor
from tenants.context import in_company
from tenants.errors import Conflict, DecryptionFailed
from tenants.fields import CompanyEncryptedMixin
from tenants.keyring import store, wrapping
from tenants.keyring.models import Canary, CompanyKey
from tenants.models import Verb
from tenants.resolution import CompanyRef

Say = Callable[[str], None]

BATCH = 500
# One cache life and a little: after it, no process uses what it knew before.
CACHE_WAIT = store.CACHE_SECONDS + 5
_TRANSACTIONS_WAIT = 600.0
_IDLE_PASSES = 20


class RotationUnfinished(Conflict):
    code = "rotation_unfinished"


@dataclasses.dataclass(frozen=True, slots=True)
class EncryptedTable:
    name: str
    key_column: str
    # Column and the label under which its key is derived.
    columns: tuple[tuple[str, str], ...]


def encrypted_tables() -> list[EncryptedTable]:
    """Every table of a company that has encrypted columns."""
    tables = []
    for app in settings.TENANT_APPS:
        for model in apps.get_app_config(app).get_models():
            columns = tuple(
                (str(field.column), field.label)
                for field in model._meta.concrete_fields
                if isinstance(field, CompanyEncryptedMixin)
            )
            if columns:
                key = str(model._meta.pk.column)
                tables.append(EncryptedTable(model._meta.db_table, key, columns))
    return tables


def rotate_data_keys(
    *, companies: Sequence[CompanyRef], actor: Actor, say: Say, wait: float = CACHE_WAIT
) -> None:
    """Give each company a new data key, encrypt all it has with it, delete the old one.

    `wait`: seconds given to other processes to renew their caches, twice in all. Raises
    RotationUnfinished where a value cannot be read or a transaction does not end; the old keys
    are kept then.
    """
    versions = {company: _begin(company) for company in companies}
    say(f"{len(versions)} new keys stored; waiting {wait:.0f} s until every process knows them.")
    time.sleep(wait)
    for company, version in versions.items():
        store.activate_data_key(company.schema_name, version)
    say(f"New keys in use; waiting {wait:.0f} s until every process uses them.")
    time.sleep(wait)
    _wait_for_open_transactions()
    for company, version in versions.items():
        changed = _reencrypt(company, version, say)
        store.retire_data_keys(company.schema_name)
        audit.record(
            company_id=company.id,
            actor=actor,
            verb=Verb.KEY_ROTATED,
            target_kind="data_key",
            target_id=version,
            rows=changed,
        )
        say(f"{company.slug}: {changed} rows encrypted anew with key {version}; the old is gone.")


def rewrap_keys(*, actor: Actor, say: Say) -> int:
    """Wrap every stored key with the newest key-encryption key; return how many were changed."""
    changed = _rewrap(CompanyKey.objects.all(), say) + _rewrap(Canary.objects.all(), say)
    audit.record(
        company_id=None,
        actor=actor,
        verb=Verb.KEY_ROTATED,
        target_kind="wrapping_key",
        target_id="",
        keys=changed,
    )
    return changed


def _rewrap(rows: models.QuerySet[Any], say: Say) -> int:
    changed, last = 0, -1
    while True:
        with transaction.atomic(using="keys"):
            batch = list(rows.select_for_update().filter(pk__gt=last).order_by("pk")[:BATCH])
            for row in batch:
                if not wrapping.is_newest(row.wrapped):
                    row.wrapped = wrapping.wrap(wrapping.unwrap(row.wrapped))
                    row.save(update_fields=["wrapped"])
                    changed += 1
        if not batch:
            return changed
        last = batch[-1].pk
        say(f"{changed} wrapped anew, up to number {last}.")


def rows_left(company: CompanyRef, version: int) -> int:
    """How many rows hold a value of another key version. Queries: one a table."""
    left = 0
    with in_company(company), connection.cursor() as cursor:
        for table in encrypted_tables():
            cursor.execute(
                sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
                    sql.Identifier(table.name), _is_stale(table, version)
                )
            )
            row = cursor.fetchone()
            left += row[0] if row else 0
    return left


def _begin(company: CompanyRef) -> int:
    """The version to rotate to: that of a rotation that was interrupted, or a new one."""
    keys = store.data_keys_stored(company.schema_name)
    newest, oldest = max(keys.by_version), min(keys.by_version)
    if newest > keys.active_version or oldest < keys.active_version:
        return newest
    return store.add_data_key(company.schema_name)


def _reencrypt(company: CompanyRef, version: int, say: Say) -> int:
    changed = idle = 0
    while left := rows_left(company, version):
        say(f"{company.slug}: {left} rows left.")
        done = _walk(company, version)
        changed += done
        idle = 0 if done else idle + 1
        if idle >= _IDLE_PASSES:
            raise RotationUnfinished(
                f"{company.slug}: {left} rows are locked or cannot be read. The old key is kept; "
                "look into them and run the command again."
            )
        if not done:
            time.sleep(0.25)
    return changed


def _walk(company: CompanyRef, version: int) -> int:
    """Encrypt anew, in batches, every stale row that nobody holds; return how many."""
    changed = 0
    with in_company(company):
        for table in encrypted_tables():
            last: Any = None
            while True:
                with transaction.atomic():
                    rows = _stale_rows(table, version, last)
                    changed += _write(company, table, rows)
                if not rows:
                    break
                last = rows[-1][0]
    return changed


def _stale_rows(table: EncryptedTable, version: int, last: Any) -> list[tuple[Any, ...]]:
    key = sql.Identifier(table.key_column)
    is_later = sql.SQL("TRUE") if last is None else sql.SQL("{} > {}").format(key, last)
    statement = sql.SQL(
        "SELECT {key}, {columns} FROM {table} WHERE ({is_stale}) AND {is_later} "
        "ORDER BY {key} LIMIT {batch} FOR UPDATE SKIP LOCKED"
    ).format(
        key=key,
        columns=sql.SQL(", ").join(sql.Identifier(column) for column, _ in table.columns),
        table=sql.Identifier(table.name),
        is_stale=_is_stale(table, version),
        is_later=is_later,
        batch=BATCH,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _write(company: CompanyRef, table: EncryptedTable, rows: list[tuple[Any, ...]]) -> int:
    changes = []
    for key, *tokens in rows:
        try:
            renewed = [
                _renew(company, label, token)
                for (_, label), token in zip(table.columns, tokens, strict=True)
            ]
        except DecryptionFailed:
            continue
        changes.append([*renewed, key])
    if changes:
        assignments = [sql.SQL("{} = %s").format(sql.Identifier(c)) for c, _ in table.columns]
        statement = sql.SQL("UPDATE {} SET {} WHERE {} = %s").format(
            sql.Identifier(table.name),
            sql.SQL(", ").join(assignments),
            sql.Identifier(table.key_column),
        )
        with connection.cursor() as cursor:
            cursor.executemany(statement, changes)
    return len(changes)


def _renew(company: CompanyRef, label: str, token: str | None) -> str | None:
    if token is None:
        return None
    text = crypto.decrypt(company.schema_name, label, token)
    return crypto.encrypt(company.schema_name, label, text)


def _wait_for_open_transactions() -> None:
    """Wait until every transaction has ended that may hold, unseen, a value under the old key."""
    deadline = time.monotonic() + _TRANSACTIONS_WAIT
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        row = cursor.fetchone()
        mark = row[0] if row else 0
        while True:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            row = cursor.fetchone()
            if row and row[0] > mark:
                return
            if time.monotonic() > deadline:
                raise RotationUnfinished(
                    "A transaction has been open for ten minutes. The old keys are kept; end it "
                    "and run the command again."
                )
            time.sleep(0.1)


def _is_stale(table: EncryptedTable, version: int) -> sql.Composable:
    pattern = f"{crypto.token_prefix(version)}%"
    columns = [
        sql.SQL("{} NOT LIKE {}").format(sql.Identifier(column), pattern)
        for column, _ in table.columns
    ]
    return sql.SQL(" OR ").join(columns)

"""Making a worker's databases, and putting them back as the cast left them."""

import redis
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.db.backends.utils import CursorWrapper
from psycopg import sql
from psycopg.errors import DeadlockDetected

from chat.actions import sightings
from chat.queries import availability
from tenants import resolution
from tenants.context import leave_all
from tenants.keyring import store
from tenants.models import Company
from tests.cast import Cast, set_up_company, set_up_routing

# What the cast itself is made of, and what migrations wrote.
_KEPT = [
    "tenants_user",
    "tenants_company",
    "tenants_domain",
    "tenants_membership",
    "tenants_spareschema",
    "django_migrations",
    "django_content_type",
    "auth_permission",
]
_ATTEMPTS = 5


def make_test_databases(worker: str) -> None:
    """Create this worker's databases anew and migrate them."""
    for alias in ("default", "keys"):
        this = connections[alias]
        this.settings_dict["TEST"]["NAME"] = f"test_{this.settings_dict['NAME']}_{worker}"
        this.creation.create_test_db(verbosity=0, autoclobber=True)


def drop_test_databases() -> None:
    """Drop them though a stray connection may still be open."""
    for alias in ("default", "keys"):
        this = connections[alias]
        name = this.settings_dict["NAME"]
        assert name.startswith("test_")
        this.close()
        with this._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def forget_caches() -> None:
    """Empty every cache of this process and the worker's part of Valkey."""
    resolution.forget()
    availability.forget()
    sightings.forget()
    store.forget()
    # Not cache.clear(): it empties the whole server, other test workers' queues included.
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        keys = list(client.scan_iter(f"{settings.REDIS_PREFIX}:*", count=1000))
        if keys:
            client.delete(*keys)


def restore(cast: Cast) -> None:
    """Undo what a test committed: the cast's companies are emptied and set up again."""
    leave_all()
    _empty("public")
    _remove_strangers(cast)
    for company in cast.companies:
        _empty(company.schema_name)
    for person in cast.people:
        person.save()
    set_up_routing(cast)
    for company in cast.companies:
        set_up_company(company)
    forget_caches()


def _remove_strangers(cast: Cast) -> None:
    ids = [company.id for company in cast.companies]
    strangers = Company.objects.exclude(pk__in=ids)
    schemas = list(strangers.values_list("schema_name", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_membership WHERE company_id <> ALL(%s)", [ids])
        cursor.execute("DELETE FROM tenants_domain WHERE tenant_id <> ALL(%s)", [ids])
        cursor.execute("DELETE FROM tenants_company WHERE id <> ALL(%s)", [ids])
        people = [person.pk for person in cast.people]
        cursor.execute("DELETE FROM tenants_membership WHERE user_id <> ALL(%s)", [people])
        cursor.execute("DELETE FROM tenants_user WHERE id <> ALL(%s)", [people])
        for schema in schemas:
            cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    with connections["keys"].cursor() as cursor:
        cursor.execute(
            "DELETE FROM keyring_companykey WHERE schema_name <> ALL(%s)",
            [[company.schema_name for company in cast.companies]],
        )


def _empty(schema: str) -> None:
    """Empty what holds rows. A server of the test may be reading, table after table."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with connection.cursor() as cursor:
                _truncate(cursor, [f'"{schema}"."{table}"' for table in _filled(cursor, schema)])
            return
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected) or attempt == _ATTEMPTS:
                raise


def _filled(cursor: CursorWrapper, schema: str) -> list[str]:
    cursor.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> ALL(%s)",
        [schema, _KEPT],
    )
    look = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    looks = [look.format(name, sql.Identifier(schema, name)) for (name,) in cursor.fetchall()]
    cursor.execute(sql.SQL(" UNION ALL ").join(looks))
    return [name for (name,) in cursor.fetchall()]


def _truncate(cursor: CursorWrapper, names: list[str]) -> None:
    if not names:
        return
    audit = '"public"."tenants_auditevent"'
    if audit in names:
        cursor.execute(f"ALTER TABLE {audit} DISABLE TRIGGER USER")
    cursor.execute(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE")
    if audit in names:
        cursor.execute(f"ALTER TABLE {audit} ENABLE TRIGGER USER")

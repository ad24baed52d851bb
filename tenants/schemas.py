"""Ready-made company schemas: a sign-up renames one instead of migrating one."""

import datetime
import functools
import hashlib
import pathlib
import uuid

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from tenants.context import in_public
from tenants.models import SpareSchema

# A spare that is still being made after this long was left behind by a process that died.
_MADE_WITHIN = datetime.timedelta(minutes=10)
_IN_THE_MAKING = ""

_TAKE_SPARE = """
DELETE FROM public.tenants_spareschema WHERE id = (
    SELECT id FROM public.tenants_spareschema WHERE fingerprint = %s
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING schema_name
"""


@functools.cache
def fingerprint() -> str:
    """SHA-256 (hex) over the migration files of the company apps, names and contents."""
    digest = hashlib.sha256()
    for label in settings.TENANT_APPS:
        folder = pathlib.Path(apps.get_app_config(label).path, "migrations")
        for file in sorted(folder.glob("[0-9]*.py")):
            digest.update(f"{label}/{file.name}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def claim_spare(new_name: str) -> bool:
    """Rename a spare to `new_name` within the caller's transaction; False when there is none."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_SPARE, [fingerprint()])
        spare = cursor.fetchone()
        if spare is None:
            return False
        cursor.execute(f"ALTER SCHEMA {quote(spare[0])} RENAME TO {quote(new_name)}")
    return True


def make_spare() -> None:
    """Migrate one more spare schema; takes about a second."""
    with in_public():
        name = f"spare_{uuid.uuid4().hex}"
        spare = SpareSchema.objects.create(schema_name=name, fingerprint=_IN_THE_MAKING)
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {connection.ops.quote_name(name)}")
        call_command(
            "migrate_schemas", tenant=True, schema_name=name, interactive=False, verbosity=0
        )
        SpareSchema.objects.filter(pk=spare.pk).update(fingerprint=fingerprint())


def drop_stale_spares() -> int:
    """Drop spares of other migrations and half-made ones; return how many."""
    dropped = 0
    with in_public():
        half_made_before = timezone.now() - _MADE_WITHIN
        stale = SpareSchema.objects.exclude(fingerprint=fingerprint()).exclude(
            fingerprint=_IN_THE_MAKING, created_at__gt=half_made_before
        )
        for pk in list(stale.values_list("pk", flat=True)):
            # One transaction each: a schema has hundreds of relations to lock.
            with transaction.atomic():
                spare = stale.select_for_update(skip_locked=True).filter(pk=pk).first()
                if spare is None:
                    continue
                with connection.cursor() as cursor:
                    name = connection.ops.quote_name(spare.schema_name)
                    cursor.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
                spare.delete()
                dropped += 1
    return dropped


def refill_spares() -> int:
    """Bring the pool to settings.SPARE_SCHEMAS fresh spares; return how many were made."""
    drop_stale_spares()
    made = 0
    while SpareSchema.objects.filter(fingerprint=fingerprint()).count() < settings.SPARE_SCHEMAS:
        make_spare()
        made += 1
    return made

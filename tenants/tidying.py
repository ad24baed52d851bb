"""Sweeping up after what is over and what came to nothing."""

import datetime

from django.utils import timezone

from tenants.keyring import store
from tenants.keyring.models import CompanyKey
from tenants.models import Company, OutboxEvent

_TOLD_KEPT = datetime.timedelta(days=7)
# Far longer than a sign-up's transaction may take between its keys and its company row.
_ORPHAN_AFTER = datetime.timedelta(hours=1)


def purge_told_events() -> int:
    """Delete outbox events told more than a week ago; return how many."""
    count, _ = OutboxEvent.objects.filter(done_at__lt=timezone.now() - _TOLD_KEPT).delete()
    return count


def shred_orphan_keys() -> int:
    """Delete keys whose company was never stored; return of how many schemas."""
    old = CompanyKey.objects.filter(created_at__lt=timezone.now() - _ORPHAN_AFTER)
    keyed = set(old.values_list("schema_name", flat=True).distinct())
    known = set(Company.objects.values_list("schema_name", flat=True))
    orphans = keyed - known
    for schema_name in orphans:
        store.shred(schema_name)
    return len(orphans)

"""Noting on which websites the widget was loaded, allowed there or not."""

import datetime
import time
import uuid

from django.utils import timezone

from chat.models import AllowedOrigin, WidgetSighting
from tenants.resolution import CompanyRef

EVERY = datetime.timedelta(seconds=60)
# Anybody can claim to be any website: of those that are not allowed the latest are kept.
MOST_STRANGERS = 100

_noted: dict[tuple[uuid.UUID, str], float] = {}
_NOTED_KEPT = 10_000


def note(*, company: CompanyRef, origin: str, now: datetime.datetime | None = None) -> None:
    """Store that the widget was loaded on `origin`, at most once in 60 s. Runs in the company.

    An allowed website always has room. Queries: 0 (noted by this process in the last 60 s), 1
    (known website) to 4.
    """
    key = (company.id, origin)
    if now is None and _noted.get(key, 0.0) > time.monotonic():
        return
    at = now or timezone.now()
    if len(_noted) >= _NOTED_KEPT:
        _noted.clear()
    _noted[key] = time.monotonic() + EVERY.total_seconds()
    known = WidgetSighting.objects.filter(origin=origin)
    if known.filter(last_seen_at__lte=at - EVERY).update(last_seen_at=at) or known.exists():
        return
    WidgetSighting.objects.bulk_create(
        [WidgetSighting(origin=origin, last_seen_at=at)], ignore_conflicts=True
    )
    strangers = WidgetSighting.objects.exclude(origin__in=AllowedOrigin.objects.values("origin"))
    latest = strangers.order_by("-last_seen_at", "-pk").values("pk")[:MOST_STRANGERS]
    strangers.exclude(pk__in=latest).delete()


def forget() -> None:
    """Forget what this process noted lately."""
    _noted.clear()

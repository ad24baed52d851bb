"""How the platform is doing: what its operators see first. Counts and times, nobody's words."""

import dataclasses
import datetime

from django.db.models import Count, Min, Q
from django.utils import timezone

from tenants.models import Company, DeadTask, OutboxEvent

# The relay is woken at once and swept for every minute; what is older is held up by something.
LATE_AFTER = datetime.timedelta(minutes=5)
_LOOKED_BACK = datetime.timedelta(days=7)


@dataclasses.dataclass(frozen=True, slots=True)
class CompanyFigures:
    active: int
    suspended: int


@dataclasses.dataclass(frozen=True, slots=True)
class Trouble:
    """Outbox events and tasks to look into; `late_since` is when the oldest event was due."""

    late: int
    late_since: datetime.datetime | None
    given_up: int
    refused: int

    def __bool__(self) -> bool:
        return bool(self.late or self.given_up or self.refused)


def company_figures() -> CompanyFigures:
    """Queries: 1."""
    states = Company.State
    return CompanyFigures(
        **Company.objects.aggregate(
            active=Count("pk", filter=Q(state=states.ACTIVE)),
            suspended=Count("pk", filter=Q(state=states.SUSPENDED)),
        )
    )


def trouble() -> Trouble:
    """Events that are late now, and what was given up or refused in seven days. Queries: 3."""
    now = timezone.now()
    recently = now - _LOOKED_BACK
    waiting = OutboxEvent.objects.filter(
        done_at=None, dead_at=None, available_at__lt=now - LATE_AFTER
    )
    return Trouble(
        **waiting.aggregate(late=Count("pk"), late_since=Min("available_at")),
        given_up=OutboxEvent.objects.filter(dead_at__gt=recently).count(),
        refused=DeadTask.objects.filter(at__gt=recently).count(),
    )

"""Why a connection's deliveries wait, and letting them go when the reason is gone."""

import datetime

from django.conf import settings
from django.db import connection as database

from crm_sync.backoff import GIVE_UP_AFTER
from crm_sync.breaker import OPENS_AFTER, Breaker
from crm_sync.models import Connection, Delivery
from tenants.models import Company
from tenants.resolution import CompanyRef

UNSENT = [Delivery.State.PENDING, Delivery.State.RETRY_SCHEDULED]
WAITING = [*UNSENT, Delivery.State.HELD]
_BY_STATE = {
    Connection.State.PAUSED: Delivery.Hold.PAUSED,
    Connection.State.REAUTH_REQUIRED: Delivery.Hold.REAUTH_REQUIRED,
    Connection.State.DISABLED: Delivery.Hold.DISABLED,
}


def needs_baa(company: CompanyRef) -> bool:
    """Whether its leads are health information (45 CFR 164.502(e))."""
    return company.health_care_mode or company.vertical == Company.Vertical.HEALTH_CARE


def breaker_of(connection: Connection) -> Breaker:
    return Breaker(
        connection.failures,
        connection.failing_since,
        connection.open_until,
        connection.probe_seconds,
    )


def hold_of(
    connection: Connection, company: CompanyRef, now: datetime.datetime
) -> Delivery.Hold | None:
    """Why nothing may be sent over the connection now; None: it may."""
    by_state = _BY_STATE.get(Connection.State(connection.state))
    if by_state is not None:
        return by_state
    if needs_baa(company) and not connection.baa_reference:
        return Delivery.Hold.BAA_MISSING
    breaker = breaker_of(connection)
    if breaker.failures >= OPENS_AFTER and breaker.is_open(now):
        return Delivery.Hold.BREAKER_OPEN
    return None


def apply(
    connection: Connection, company: CompanyRef, now: datetime.datetime
) -> Delivery.Hold | None:
    """Hold or release what waits on a connection whose row is locked; what holds it now."""
    hold = hold_of(connection, company, now)
    waiting = Delivery.objects.filter(connection=connection, state__in=WAITING)
    if hold is not None:
        waiting.exclude(state=Delivery.State.HELD, hold=hold).update(
            state=Delivery.State.HELD, hold=hold
        )
        return hold
    if breaker_of(connection).is_probing(now) and connection.failures >= OPENS_AFTER:
        # One goes as a probe; the others are released when it arrives.
        waiting = waiting.exclude(hold=Delivery.Hold.BREAKER_OPEN)
    waiting.filter(state=Delivery.State.HELD).update(
        state=Delivery.State.PENDING, hold="", next_attempt_at=now, give_up_at=now + GIVE_UP_AFTER
    )
    return None


def slot_free_at(company: CompanyRef, now: datetime.datetime) -> datetime.datetime | None:
    """When the next of the company's deliveries under way ends at the latest; None: one may start.

    DELIVERIES_AT_ONCE are under way at most, however many CRMs a company has: the workers are
    everybody's. The lock makes those who ask take turns until they commit; locks of rows come
    before it.
    """
    with database.cursor() as cursor:
        turn = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        cursor.execute(turn, [f"crm_sync:{company.id}"])
    under_way = Delivery.objects.filter(state=Delivery.State.IN_PROGRESS, lease_until__gt=now)
    ends = list(under_way.order_by("lease_until").values_list("lease_until", flat=True))
    return ends[0] if len(ends) >= settings.DELIVERIES_AT_ONCE else None

"""On which websites the widget may stand."""

from django.db import transaction

from chat import origins
from chat.models import AllowedOrigin
from tenants import audit
from tenants.actor import Actor
from tenants.errors import Invalid, NotFound
from tenants.models import Verb
from tenants.resolution import CompanyRef

MOST = 50


def allow(*, company: CompanyRef, address: str, actor: Actor) -> str:
    """Let a website show the widget and return its origin; again changes nothing.

    Runs inside the company. Raises Invalid for what is no website, and past MOST of them.
    """
    origin = origins.normalise(address)
    with transaction.atomic():
        if AllowedOrigin.objects.count() >= MOST:
            raise Invalid(f"{MOST} websites are the most. Remove one first.")
        _, is_new = AllowedOrigin.objects.get_or_create(origin=origin)
        if is_new:
            _record(company, actor, origin, "allowed")
    return origin


def disallow(*, company: CompanyRef, origin: str, actor: Actor) -> None:
    """Take the permission back. Runs inside the company. Raises NotFound."""
    with transaction.atomic():
        deleted, _ = AllowedOrigin.objects.filter(origin=origin).delete()
        if not deleted:
            raise NotFound
        _record(company, actor, origin, "removed")


def _record(company: CompanyRef, actor: Actor, origin: str, change: str) -> None:
    audit.record(
        company_id=company.id,
        actor=actor,
        verb=Verb.SETTING_CHANGED,
        target_kind="website",
        target_id=origin[:64],
        change=change,
    )

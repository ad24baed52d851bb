"""Changing a company's own settings."""

from django.db import transaction

from tenants import audit, resolution, time_zones
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import Invalid, NotFound
from tenants.models import Company, Verb
from tenants.resolution import CompanyRef


def change_settings(
    *, company: CompanyRef, name: str, website: str, time_zone: str, actor: Actor
) -> list[str]:
    """Store the new values and return the names of those that changed.

    Other processes see them within resolution.CACHE_SECONDS. Raises Invalid, NotFound.
    """
    name, website = name.strip(), website.strip()
    if not 1 <= len(name) <= 120:
        raise Invalid("Write the company's name in 1 to 120 characters.")
    return _change(company, actor, name=name, website=website, time_zone=time_zone)


def change_time_zone(*, company: CompanyRef, time_zone: str, actor: Actor) -> bool:
    """Store another zone, as change_settings would; True where it was another one.

    Where the caller's transaction writes more, call it last: it writes to the audit log.
    """
    return bool(_change(company, actor, time_zone=time_zone))


def _change(company: CompanyRef, actor: Actor, **values: str) -> list[str]:
    if values["time_zone"] not in time_zones.known():
        raise Invalid("Choose a time zone such as Europe/Berlin.")
    with in_public(), transaction.atomic():
        row = Company.objects.select_for_update(no_key=True).filter(pk=company.id).first()
        if row is None:
            raise NotFound
        changed = [field for field, value in values.items() if getattr(row, field) != value]
        if changed:
            Company.objects.filter(pk=company.id).update(**values)
            audit.record(
                company_id=company.id,
                actor=actor,
                verb=Verb.COMPANY_CHANGED,
                target_kind="company",
                target_id=company.id,
                fields=", ".join(changed),
            )
        transaction.on_commit(lambda: resolution.forget(company.id))
    return changed

"""Changing a company's own settings."""

import functools
import uuid
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import transaction

from tenants import audit, resolution, time_zones
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import Invalid, NotFound
from tenants.models import Company, Verb
from tenants.resolution import CompanyRef

OPERATORS_FIELDS = {"name", "website", "vertical", "health_care_mode", "state"}
_STATE_VERBS = {
    Company.State.SUSPENDED: Verb.COMPANY_SUSPENDED,
    Company.State.ACTIVE: Verb.COMPANY_RESUMED,
}


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


def change_by_operator(
    *, company_id: uuid.UUID, changes: Mapping[str, str | bool], actor: Actor
) -> list[str]:
    """Store what an operator of the platform changed and return the names of what is new.

    `changes` are values by field, of OPERATORS_FIELDS. Suspending a company and letting it go on
    are events of their own in its audit log. Raises Invalid, NotFound.
    """
    unknown = set(changes) - OPERATORS_FIELDS
    if unknown:
        raise Invalid(f"Operators do not change {', '.join(sorted(unknown))}.")
    with in_public(), transaction.atomic():
        row = _locked(company_id)
        new = {field: value for field, value in changes.items() if getattr(row, field) != value}
        if "state" in new and {row.state, new["state"]} != set(_STATE_VERBS):
            raise Invalid("An active company can be suspended, and a suspended one go on.")
        for field, value in new.items():
            setattr(row, field, value)
        try:
            row.clean_fields(exclude={f.name for f in Company._meta.fields} - set(new))
        except ValidationError as error:
            raise Invalid(" ".join(error.messages)) from None
        _store(company_id, actor, new)
    return list(new)


def _change(company: CompanyRef, actor: Actor, **values: str) -> list[str]:
    if values["time_zone"] not in time_zones.known():
        raise Invalid("Choose a time zone such as Europe/Berlin.")
    with in_public(), transaction.atomic():
        row = _locked(company.id)
        new = {field: value for field, value in values.items() if getattr(row, field) != value}
        _store(company.id, actor, new)
    return list(new)


def _locked(company_id: uuid.UUID) -> Company:
    row = Company.objects.select_for_update(no_key=True).filter(pk=company_id).first()
    if row is None:
        raise NotFound
    return row


def _store(company_id: uuid.UUID, actor: Actor, new: Mapping[str, str | bool]) -> None:
    transaction.on_commit(lambda: resolution.forget(company_id))
    if not new:
        return
    Company.objects.filter(pk=company_id).update(**new)
    told = functools.partial(
        audit.record,
        company_id=company_id,
        actor=actor,
        target_kind="company",
        target_id=company_id,
    )
    if "state" in new:
        told(verb=_STATE_VERBS[Company.State(str(new["state"]))])
    others = [field for field in new if field != "state"]
    if others:
        told(verb=Verb.COMPANY_CHANGED, fields=", ".join(others))

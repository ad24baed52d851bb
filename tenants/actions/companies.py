"""Changing a company's own settings."""

import functools
import uuid
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import transaction

from tenants import audit, resolution
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import Invalid, NotFound
from tenants.models import Company, Verb
from tenants.resolution import CompanyRef

Values = Mapping[str, str | bool]

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
    values = {"name": name, "website": website, "time_zone": time_zone}
    return _change(company.id, actor, values)


def change_time_zone(*, company: CompanyRef, time_zone: str, actor: Actor) -> bool:
    """Store another zone, as change_settings would; True where it was another one.

    Where the caller's transaction writes more, call it last: it writes to the audit log.
    """
    return bool(_change(company.id, actor, {"time_zone": time_zone}))


def change_by_operator(*, company_id: uuid.UUID, changes: Values, actor: Actor) -> list[str]:
    """Store what an operator of the platform changed and return the names of what is new.

    `changes` are values by field, of OPERATORS_FIELDS. Suspending a company and letting it go on
    are events of their own in its audit log. Raises Invalid, NotFound.
    """
    unknown = set(changes) - OPERATORS_FIELDS
    if unknown:
        raise Invalid(f"Operators do not change {', '.join(sorted(unknown))}.")
    return _change(company_id, actor, changes)


def fill(company: Company, values: Values) -> Values:
    """Set the values, texts on one line and trimmed; return those that are new.

    Raises Invalid, naming the fields.
    """
    tidy = {
        field: " ".join(value.split()) if isinstance(value, str) else value
        for field, value in values.items()
    }
    new = {field: value for field, value in tidy.items() if getattr(company, field) != value}
    for field, value in new.items():
        setattr(company, field, value)
    try:
        company.clean_fields(exclude={f.name for f in Company._meta.fields} - set(tidy))
    except ValidationError as error:
        raise Invalid(
            " ".join(
                f"{field.capitalize().replace('_', ' ')}: {' '.join(messages)}"
                for field, messages in error.message_dict.items()
            )
        ) from None
    return new


def _change(company_id: uuid.UUID, actor: Actor, values: Values) -> list[str]:
    with in_public(), transaction.atomic():
        row = _locked(company_id)
        state = row.state
        new = fill(row, values)
        if "state" in new and {state, new["state"]} != set(_STATE_VERBS):
            raise Invalid("An active company can be suspended, and a suspended one go on.")
        _store(company_id, actor, new)
    return list(new)


def _locked(company_id: uuid.UUID) -> Company:
    row = Company.objects.select_for_update(no_key=True).filter(pk=company_id).first()
    if row is None:
        raise NotFound
    return row


def _store(company_id: uuid.UUID, actor: Actor, new: Values) -> None:
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

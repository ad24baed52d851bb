"""Ending a company's readability for good."""

from django.db import transaction

from tenants import audit, resolution
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import NotFound
from tenants.keyring import store
from tenants.models import Company, Verb
from tenants.resolution import CompanyRef


def shred_keys(*, company: CompanyRef, actor: Actor) -> int:
    """Suspend the company and delete its keys; return how many there were. Raises NotFound.

    What it wrote stays as bytes that nobody can read, in backups too once those of the keys
    database have expired; ids, counts and the audit log stay readable. There is no way back.
    """
    with in_public():
        with transaction.atomic():
            suspended = Company.objects.filter(pk=company.id).update(state=Company.State.SUSPENDED)
            if not suspended:
                raise NotFound
            audit.record(
                company_id=company.id,
                actor=actor,
                verb=Verb.KEYS_SHREDDED,
                target_kind="company",
                target_id=company.id,
            )
        resolution.forget(company.id)
        return store.shred(company.schema_name)

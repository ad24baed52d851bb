"""Who belongs to a company, in which role."""

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants import audit, outbox
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import Conflict, Invalid, NotFound
from tenants.models import Company, Membership, Role, User, Verb
from tenants.resolution import CompanyRef


class AlreadyMember(Conflict):
    code = "already_member"
    message = "This person belongs to the company already. Change their role instead."


class LastOwner(Invalid):
    code = "last_owner"
    message = "A company keeps at least one owner. Make somebody else an owner first."


def add_member(*, company: CompanyRef, user: User, role: Role, actor: Actor) -> Membership:
    """Give `user` their one role in the company. Raises AlreadyMember."""
    with in_public(), transaction.atomic():
        try:
            with transaction.atomic():
                membership = Membership.objects.create(
                    user=user, company_id=company.id, role=Role(role)
                )
        except IntegrityError:
            raise AlreadyMember from None
        _record(company, user, Verb.MEMBER_ADDED, actor, role=Role(role).value)
    return membership


def change_role(*, company: CompanyRef, user: User, role: Role, actor: Actor) -> None:
    """Give a member another role. Raises NotFound, LastOwner."""
    with in_public(), transaction.atomic():
        membership = _locked(company, user)
        if membership.role == role:
            return
        _refuse_last_owner(company, membership)
        before = membership.role
        membership.role = Role(role)
        membership.save(update_fields=["role"])
        _tell_access_changed(company.id, user)
        _record(company, user, Verb.MEMBER_CHANGED, actor, role=Role(role).value, before=before)


def end_membership(*, company: CompanyRef, user: User, actor: Actor) -> None:
    """End a person's membership; its row stays. Raises NotFound, LastOwner."""
    with in_public(), transaction.atomic():
        membership = _locked(company, user)
        _refuse_last_owner(company, membership)
        membership.ended_at = timezone.now()
        membership.save(update_fields=["ended_at"])
        _tell_access_changed(company.id, user)
        _record(company, user, Verb.MEMBER_REMOVED, actor, role=membership.role)


def tell_all(*, user: User) -> None:
    """Have it told that a person's access changed in all their companies: they signed out, were
    deactivated or activated. In the caller's transaction."""
    # Told once, all their desks look at all of their companies.
    membership = Membership.objects.filter(
        user=user, ended_at__isnull=True, company__state=Company.State.ACTIVE
    ).first()
    if membership is not None:
        _tell_access_changed(membership.company_id, user)


def _locked(company: CompanyRef, user: User) -> Membership:
    # The company's row is the lock: two owners who demote each other must not both succeed.
    if not Company.objects.select_for_update(no_key=True).filter(pk=company.id).exists():
        raise NotFound
    membership = Membership.objects.filter(
        company_id=company.id, user=user, ended_at__isnull=True
    ).first()
    if membership is None:
        raise NotFound
    return membership


def _refuse_last_owner(company: CompanyRef, membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        company_id=company.id, role=Role.OWNER, ended_at__isnull=True, user__is_active=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner


def _tell_access_changed(company_id: uuid.UUID, user: User) -> None:
    outbox.publish(company_id=company_id, topic=outbox.ACCESS_CHANGED, object_id=user.pk)


def _record(company: CompanyRef, user: User, verb: Verb, actor: Actor, **facts: audit.Fact) -> None:
    audit.record(
        company_id=company.id,
        actor=actor,
        verb=verb,
        target_kind="person",
        target_id=user.pk,
        **facts,
    )

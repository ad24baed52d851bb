"""Inviting people into a company by a link in an e-mail."""

import datetime
import uuid

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from tenants import audit, tokens
from tenants.actions import memberships
from tenants.actor import Actor
from tenants.context import in_public
from tenants.errors import Conflict, Forbidden, Invalid, NotFound
from tenants.models import Invitation, Membership, Role, User, Verb
from tenants.resolution import CompanyRef
from tenants.tasks import send_invitation

LIFETIME = datetime.timedelta(days=7)


class AlreadyInvited(Conflict):
    code = "already_invited"
    message = "There is an open invitation for this address. Send it again instead."


class InvitationGone(NotFound):
    code = "invitation_gone"
    message = "This invitation was used, withdrawn or is older than a week. Ask for a new one."


class OtherPerson(Forbidden):
    code = "invitation_of_another"
    message = "This invitation is for another e-mail address. Sign out and open the link again."


def invite(*, company: CompanyRef, email: str, role: Role, inviter: User) -> Invitation:
    """Store an invitation and have it mailed. Raises AlreadyInvited and AlreadyMember."""
    email = email.strip()
    now = timezone.now()
    with in_public(), transaction.atomic():
        if Membership.objects.filter(
            company_id=company.id, ended_at__isnull=True, user__email__iexact=email
        ).exists():
            raise memberships.AlreadyMember
        try:
            with transaction.atomic():
                invitation = Invitation.objects.create(
                    company_id=company.id,
                    email=email,
                    role=Role(role),
                    token_digest=_nobodys_digest(),
                    invited_by=inviter,
                    expires_at=now + LIFETIME,
                    mail_due_at=now,
                )
        except IntegrityError:
            raise AlreadyInvited from None
        send_invitation.delay_on_commit(str(invitation.pk))
        _record(company, invitation, Verb.MEMBER_INVITED, Actor.person(inviter))
    return invitation


def renew(*, company: CompanyRef, invitation_id: uuid.UUID, actor: Actor) -> Invitation:
    """Have an open invitation mailed again, for another week; the old link ends.

    Raises NotFound.
    """
    now = timezone.now()
    with in_public(), transaction.atomic():
        invitation = _open(company).select_for_update().filter(pk=invitation_id).first()
        if invitation is None:
            raise NotFound
        invitation.token_digest = _nobodys_digest()
        invitation.expires_at = now + LIFETIME
        invitation.mail_due_at, invitation.mail_tries = now, 0
        invitation.save(update_fields=["token_digest", "expires_at", "mail_due_at", "mail_tries"])
        send_invitation.delay_on_commit(str(invitation.pk))
        _record(company, invitation, Verb.MEMBER_INVITED, actor, again=True)
    return invitation


def withdraw(*, company: CompanyRef, invitation_id: uuid.UUID, actor: Actor) -> None:
    """End an open invitation. Raises NotFound."""
    with in_public(), transaction.atomic():
        invitation = _open(company).select_for_update().filter(pk=invitation_id).first()
        if invitation is None:
            raise NotFound
        invitation.withdrawn_at = timezone.now()
        invitation.save(update_fields=["withdrawn_at"])
        _record(company, invitation, Verb.INVITATION_WITHDRAWN, actor)


def find(*, company: CompanyRef, token: str) -> Invitation:
    """The live invitation of a link. Raises InvitationGone. Queries: 1."""
    with in_public():
        invitation = (
            _open(company)
            .select_related("invited_by")
            .filter(token_digest=tokens.digest(token), expires_at__gt=timezone.now())
            .first()
        )
    if invitation is None:
        raise InvitationGone
    return invitation


def account_exists(email: str) -> bool:
    """Whether somebody signs in with this address. Queries: 1."""
    return User.objects.filter(email__iexact=email).exists()


def accept(*, company: CompanyRef, token: str, user: User) -> Membership:
    """Use up the link and make the signed-in `user` a member.

    Raises InvitationGone, OtherPerson, AlreadyMember; then the invitation stays as it was.
    """
    with in_public(), transaction.atomic():
        return _accept(company, token, user)


def accept_as_new_person(
    *, company: CompanyRef, token: str, name: str, password: str
) -> tuple[User, Membership]:
    """Use up the link, make its address an account and that person a member.

    The password has been validated. Raises InvitationGone, Invalid where the account exists.
    """
    with in_public(), transaction.atomic():
        invitation = find(company=company, token=token)
        try:
            with transaction.atomic():
                user = User.objects.create_user(invitation.email, password, name=name.strip())
        except IntegrityError:
            raise Invalid("There is an account with this address. Sign in to accept.") from None
        return user, _accept(company, token, user)


def _accept(company: CompanyRef, token: str, user: User) -> Membership:
    invitation = find(company=company, token=token)
    if invitation.email.casefold() != user.email.casefold():
        raise OtherPerson
    # Of two uses at once, one changes the row.
    used = Invitation.objects.filter(
        pk=invitation.pk, accepted_at__isnull=True, withdrawn_at__isnull=True
    ).update(accepted_at=timezone.now())
    if not used:
        raise InvitationGone
    return memberships.add_member(
        company=company, user=user, role=Role(invitation.role), actor=Actor.person(user)
    )


def open_invitations(company: CompanyRef) -> list[Invitation]:
    """Those not yet accepted or withdrawn, newest first. Queries: 1."""
    with in_public():
        return list(_open(company).order_by("-created_at"))


def _open(company: CompanyRef) -> "models.QuerySet[Invitation]":
    return Invitation.objects.filter(
        company_id=company.id, accepted_at__isnull=True, withdrawn_at__isnull=True
    )


def _nobodys_digest() -> str:
    """No link opens an invitation until its e-mail is made: see invitation_mail."""
    return tokens.digest(tokens.new_token())


def _record(
    company: CompanyRef, invitation: Invitation, verb: Verb, actor: Actor, **facts: audit.Fact
) -> None:
    audit.record(
        company_id=company.id,
        actor=actor,
        verb=verb,
        target_kind="invitation",
        target_id=invitation.pk,
        role=invitation.role,
        **facts,
    )

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest

from tenants import audit
from tenants.actions import memberships
from tenants.actor import SYSTEM, Actor
from tenants.context import in_public
from tenants.mailboxes import refuse_unreachable
from tenants.models import User, Verb
from tenants.resolution import CompanyRef


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by the company sign-up and by invitation, never by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def clean_email(self, email: str) -> str:
        refuse_unreachable(email)
        return str(super().clean_email(email))

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        if isinstance(user, User):
            _record(request, user, Actor.person(user), Verb.SIGNED_IN)

    def logout(self, request: HttpRequest) -> None:
        """End the session; the person's open desks look whether theirs still stands."""
        user = request.user
        super().logout(request)
        if isinstance(user, User):
            with in_public(), transaction.atomic():
                memberships.tell_all(user=user)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        user = User.objects.filter(email__iexact=credentials.get("email", "")).first()
        # An address that nobody has is not written down: it may be a password in the wrong field.
        if user is not None:
            _record(request, user, SYSTEM, Verb.SIGN_IN_FAILED)


def _record(request: HttpRequest, user: User, actor: Actor, verb: Verb) -> None:
    company: CompanyRef | None = getattr(request, "company", None)
    audit.record(
        company_id=company.id if company else None,
        actor=actor,
        verb=verb,
        target_kind="person",
        target_id=user.pk,
    )

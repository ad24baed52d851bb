"""Taking a signed-in person from the platform site to a company's: sessions do not cross hosts."""

import datetime

from django.db import transaction
from django.utils import timezone

from tenants import tokens
from tenants.context import in_public
from tenants.errors import NotFound, ProductError
from tenants.models import HandOff, User
from tenants.resolution import CompanyRef
from tenants.roles import role_in

LIFETIME = datetime.timedelta(seconds=60)


class HandOffGone(ProductError):
    code = "hand_off_gone"
    message = "This way in was used already or is older than a minute. Open the company again."
    http_status = 403


def issue(*, user: User, company: CompanyRef) -> str:
    """Return a token that signs `user` in at the company, once, within a minute.

    Raises NotFound where the person has no role in the company.
    """
    if role_in(user, company.id) is None:
        raise NotFound
    token = tokens.new_token()
    now = timezone.now()
    with transaction.atomic():
        HandOff.objects.filter(expires_at__lt=now).delete()
        HandOff.objects.create(
            user=user,
            company_id=company.id,
            token_digest=tokens.digest(token),
            expires_at=now + LIFETIME,
        )
    return token


def redeem(*, company: CompanyRef, token: str) -> User:
    """Use up the token and return whom it brings. Raises HandOffGone; NotFound for outsiders."""
    with in_public(), transaction.atomic():
        # The lock lets one of two simultaneous uses see the row; the other finds it deleted.
        found = (
            HandOff.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(
                token_digest=tokens.digest(token),
                company_id=company.id,
                expires_at__gt=timezone.now(),
                user__is_active=True,
            )
            .first()
        )
        if found is None:
            raise HandOffGone
        user = found.user
        found.delete()
        if role_in(user, company.id) is None:
            raise NotFound
    return user

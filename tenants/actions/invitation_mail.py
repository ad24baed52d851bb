"""Mailing invitations. Each try makes a new link: a link stands nowhere but in its e-mail."""

import contextlib
import datetime
import logging
import smtplib
import uuid

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from tenants import tokens
from tenants.addresses import company_url
from tenants.context import in_public
from tenants.models import Company, Invitation, Role

logger = logging.getLogger("switchboard.mail")

# Longer than a mail server may take to answer: one who waits for it is not dead.
_FIRST_WAIT_SECONDS = 60
_LONGEST_WAIT_SECONDS = 3600
_BATCH = 50
# What a mail server answers to one e-mail, and a host that there cannot be; any other error is of
# the server or the way to it.
_REFUSED = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, UnicodeError)


class MailServerGone(Exception):
    """No e-mail can be sent now."""


def send(invitation_id: uuid.UUID) -> bool:
    """Mail an open invitation whose e-mail is due; True where the mail server took it.

    Otherwise, and where this process dies on the way, it is due again after a minute, then after
    twice as long each time, up to an hour, for as long as the invitation is open.
    """
    with in_public(), contextlib.suppress(MailServerGone):
        return _try(invitation_id)
    return False


def send_due() -> int:
    """Mail what is due, the oldest first, while there is a mail server; how many it took."""
    with in_public():
        due = _due().order_by("mail_due_at").values_list("pk", flat=True)
        sent = 0
        with contextlib.suppress(MailServerGone):
            for invitation_id in list(due[:_BATCH]):
                sent += _try(invitation_id)
        return sent


def _try(invitation_id: uuid.UUID) -> bool:
    """As `send`, but raises MailServerGone."""
    claimed = _claim(invitation_id)
    if claimed is None:
        return False
    invitation, token = claimed
    try:
        _send(invitation, token)
    # smtplib's errors are among those of the system.
    except (OSError, UnicodeError) as error:
        logger.warning(
            "An invitation could not be mailed: %s.",
            type(error).__name__,
            extra={"invitation": str(invitation_id)},
        )
        if isinstance(error, _REFUSED):
            return False
        raise MailServerGone from error
    # Renewed meanwhile, it has another link and goes once more.
    Invitation.objects.filter(pk=invitation_id, token_digest=invitation.token_digest).update(
        mail_due_at=None
    )
    return True


def _due() -> "QuerySet[Invitation]":
    now = timezone.now()
    return Invitation.objects.filter(
        mail_due_at__lte=now,
        expires_at__gt=now,
        accepted_at__isnull=True,
        withdrawn_at__isnull=True,
        company__state=Company.State.ACTIVE,
    )


@transaction.atomic
def _claim(invitation_id: uuid.UUID) -> tuple[Invitation, str] | None:
    """The invitation with its new link's secret, for this process alone until it is due again."""
    invitation = (
        _due()
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
        .select_related("company", "invited_by")
        .filter(pk=invitation_id)
        .first()
    )
    if invitation is None:
        return None
    token = tokens.new_token()
    wait = min(_FIRST_WAIT_SECONDS * 2**invitation.mail_tries, _LONGEST_WAIT_SECONDS)
    invitation.token_digest = tokens.digest(token)
    invitation.mail_due_at = timezone.now() + datetime.timedelta(seconds=wait)
    invitation.mail_tries += 1
    invitation.save(update_fields=["token_digest", "mail_due_at", "mail_tries"])
    return invitation, token


def _send(invitation: Invitation, token: str) -> None:
    company = invitation.company
    path = reverse("accept_invitation", urlconf=settings.ROOT_URLCONF, args=[token])
    context = {
        "company": company,
        "inviter": invitation.invited_by,
        "role": Role(invitation.role).label.lower(),
        "link": company_url(company.slug, path),
    }
    send_mail(
        f"Join {company.name} on Switchboard",
        render_to_string("tenants/mail/invitation.txt", context),
        None,
        [invitation.email],
    )

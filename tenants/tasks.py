"""What the clock (Celery beat) wakes in this app."""

import uuid

from celery import shared_task
from django.conf import settings
from django.utils.module_loading import import_string

from tenants import heartbeat, relay, schemas, tidying
from tenants.actions import invitation_mail
from tenants.celery_task import WakeUpTask


@shared_task(base=WakeUpTask)
def relay_outbox() -> None:
    """Tell the tasks that the outbox topics are routed to."""
    relay.run(routes=import_string(settings.OUTBOX_ROUTES))


@shared_task(base=WakeUpTask)
def refill_spare_schemas() -> None:
    """Keep ready-made schemas for sign-ups."""
    schemas.refill_spares()


@shared_task(base=WakeUpTask)
def beat_heart() -> None:
    """Show that clock, broker and worker live."""
    heartbeat.beat()


@shared_task(base=WakeUpTask)
def tidy() -> None:
    """Forget what was told long ago, and keys of sign-ups that came to nothing."""
    tidying.purge_told_events()
    tidying.shred_orphan_keys()


@shared_task(base=WakeUpTask)
def send_invitation(invitation_id: str) -> None:
    """Mail an invitation."""
    invitation_mail.send(uuid.UUID(invitation_id))


@shared_task(base=WakeUpTask)
def send_due_invitations() -> None:
    """Mail the invitations whose message was lost or that a mail server refused."""
    invitation_mail.send_due()

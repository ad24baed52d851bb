"""What the clock (Celery beat) and the outbox wake in this app."""

import uuid

from celery import shared_task

from chat.actions import dispatch
from chat.live import broadcast
from tenants.celery_task import WakeUpTask, company_task
from tenants.resolution import CompanyRef


@shared_task(base=WakeUpTask)
def sweep_queue() -> None:
    """Dispatch what a lost wake-up left lying, and whatever time alone has made due."""
    dispatch.run()


@company_task()
def access_changed(company: CompanyRef, user_id: str) -> None:
    """Somebody may see or serve other companies than before: their open desks look at once."""
    broadcast.access_changed(uuid.UUID(user_id))

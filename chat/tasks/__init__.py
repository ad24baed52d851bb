"""What the clock (Celery beat) wakes in this app."""

from celery import shared_task

from chat.actions import dispatch
from tenants.celery_task import WakeUpTask


@shared_task(base=WakeUpTask)
def sweep_queue() -> None:
    """Dispatch what a lost wake-up left lying, and whatever time alone has made due."""
    dispatch.run()

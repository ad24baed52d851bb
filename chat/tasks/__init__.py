"""What the clock (Celery beat) and the outbox wake in this app."""

import uuid

from celery import shared_task

from chat.actions import dispatch, websites
from chat.live import broadcast
from tenants.actor import SYSTEM
from tenants.celery_task import WakeUpTask, company_task
from tenants.errors import Invalid
from tenants.models import Company
from tenants.resolution import CompanyRef


@shared_task(base=WakeUpTask)
def sweep_queue() -> None:
    """Dispatch what a lost wake-up left lying, and whatever time alone has made due."""
    dispatch.run()


@company_task()
def access_changed(company: CompanyRef, user_id: str) -> None:
    """Somebody may see or serve other companies than before: their open desks look at once."""
    broadcast.access_changed(uuid.UUID(user_id))


@company_task()
def allow_own_website(company: CompanyRef, company_id: str) -> None:
    """The website that a company named at sign-up may show its widget from the start."""
    website = Company.objects.values_list("website", flat=True).get(pk=company_id)
    if not website:
        return
    try:
        websites.allow(company=company, address=website, actor=SYSTEM)
    except Invalid:
        # The install page asks for one, and says what is wrong with it.
        return

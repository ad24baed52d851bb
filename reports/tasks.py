"""What the clock (Celery beat) wakes in this app: reports are counted before anybody looks."""

import datetime

from celery import shared_task
from django.utils import timezone

from chat.queries import availability
from reports.models import Metric
from reports.rollups import traffic
from tenants.celery_task import WakeUpTask, company_task
from tenants.models import Company
from tenants.resolution import CompanyRef

# Younger than the clock's round: behind a worker that was away waits one message for a company.
_MESSAGE_SECONDS = 3000


@shared_task(base=WakeUpTask)
def roll_up_all() -> None:
    """Have every active company's counts kept."""
    active = Company.objects.filter(state=Company.State.ACTIVE)
    for company_id in active.values_list("pk", flat=True):
        roll_up.delay(str(company_id))


@company_task(expires=_MESSAGE_SECONDS)
def roll_up(company: CompanyRef) -> None:
    """Keep the company's counts of what is settled."""
    schedule = availability.stored_schedule(company, since=datetime.date.min)
    for metric in Metric:
        traffic.roll_up(metric, schedule=schedule, now=timezone.now())

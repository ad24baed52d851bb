"""What wakes deliveries. Ids only: the outbox and the deliveries hold the truth."""

import uuid

from celery import shared_task

from crm_sync import alarms
from crm_sync.actions import deliveries
from tenants.celery_task import company_task
from tenants.resolution import CompanyRef


@company_task()
def create_deliveries(company: CompanyRef, lead_id: str) -> None:
    """A lead was captured: write what is to be sent, and have it sent."""
    for connection_id in deliveries.create_deliveries(company=company, lead_id=uuid.UUID(lead_id)):
        send_due.delay(str(company.id), str(connection_id))


@company_task()
def send_due(company: CompanyRef, connection_id: str) -> None:
    """Something is due on a connection: send it, then let others have the place."""
    own = uuid.UUID(connection_id)
    if deliveries.send_due(company=company, connection_id=own):
        for waiting in deliveries.next_waiting(after=own):
            send_due.delay(str(company.id), str(waiting))


@shared_task
def sweep_deliveries() -> None:
    """Alarms whose message the broker lost are told again."""
    alarms.tell_unconfirmed_again()

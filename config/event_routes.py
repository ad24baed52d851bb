"""Outbox topics to the Celery tasks that are told: the only place that knows both sides.

A task takes `(company_id, object_id)` as strings.
"""

from chat.interface import LEAD_CAPTURED
from crm_sync.alarms import CONNECTION_DUE
from tenants.outbox import ACCESS_CHANGED, COMPANY_CREATED

EVENT_ROUTES: dict[str, tuple[str, ...]] = {
    LEAD_CAPTURED: ("crm_sync.tasks.create_deliveries",),
    COMPANY_CREATED: ("chat.tasks.allow_own_website",),
    ACCESS_CHANGED: ("chat.tasks.access_changed",),
    CONNECTION_DUE: ("crm_sync.tasks.send_due",),
}

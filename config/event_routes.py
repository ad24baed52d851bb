"""Outbox topics to the Celery tasks that are told: the only place that knows both sides.

A task takes `(company_id, object_id)` as strings.
"""

EVENT_ROUTES: dict[str, tuple[str, ...]] = {
    "lead.captured": ("crm_sync.tasks.create_deliveries",),
    "access.changed": ("chat.tasks.access_changed",),
    "connection.due": ("crm_sync.tasks.send_due",),
}

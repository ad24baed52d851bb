"""The Celery application: queues by how long their work may wait, and the beat table."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_ready
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("switchboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.task_routes = {
    "tenants.tasks.relay_outbox": {"queue": "interactive"},
    "tenants.tasks.beat_heart": {"queue": "interactive"},
    "chat.tasks.*": {"queue": "interactive"},
    "crm_sync.tasks.*": {"queue": "interactive"},
    # They wait for other people's servers: CRMs and the mail server. So they have workers of
    # their own.
    "crm_sync.tasks.send_due": {"queue": "delivery"},
    "tenants.tasks.send_invitation": {"queue": "delivery"},
    "tenants.tasks.send_due_invitations": {"queue": "delivery"},
}
# A worker and the clock may stand on two machines whose times differ a little.
_LEAST_EXPIRY_SECONDS = 10.0


def _every(seconds: float, task: str) -> dict[str, Any]:
    """A line of the beat table: what waits for longer than its period is void, for the next came.

    Without that, a worker that was away for long would find thousands of the same.
    """
    expires = max(seconds, _LEAST_EXPIRY_SECONDS)
    return {"task": task, "schedule": seconds, "options": {"expires": expires}}


# Every wake-up may be lost; these sweeps repair it.
app.conf.beat_schedule = {
    "relay-outbox": _every(2.0, "tenants.tasks.relay_outbox"),
    "beat-heart": _every(10.0, "tenants.tasks.beat_heart"),
    "refill-spare-schemas": _every(30.0, "tenants.tasks.refill_spare_schemas"),
    "send-invitations": _every(30.0, "tenants.tasks.send_due_invitations"),
    "tidy": _every(3600.0, "tenants.tasks.tidy"),
    "sweep-queue": _every(2.0, "chat.tasks.sweep_queue"),
    "sweep-deliveries": _every(5.0, "crm_sync.tasks.sweep_deliveries"),
    "roll-up-reports": _every(3600.0, "reports.tasks.roll_up_all"),
}


@setup_logging.connect
def keep_our_logging(**kwargs: object) -> None:
    """Connected, it stops Celery from replacing the product's JSON logs by its own."""


@worker_init.connect
def refuse_wrong_key(**kwargs: object) -> None:
    """Stop before the first task when FIELD_ENCRYPTION_KEY is not this installation's."""
    from tenants.keyring import canary

    try:
        canary.verify()
    except ImproperlyConfigured as error:
        # Celery logs and ignores what a signal's receiver raises, except this.
        raise SystemExit(str(error)) from None


@worker_ready.connect
def be_heard_at_once(**kwargs: object) -> None:
    """A worker counts as present from its start, not from the first beat after it.

    The one that sends deliveries alone does not count: nobody in a chat waits for it.
    """
    from tenants import heartbeat

    if "interactive" in app.amqp.queues.consume_from:
        heartbeat.beat()

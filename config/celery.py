"""The Celery application: queues by how long their work may wait, and the beat table."""

import os

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
    "crm_sync.tasks.*": {"queue": "delivery"},
}
# Every wake-up may be lost; these sweeps repair it.
app.conf.beat_schedule = {
    "relay-outbox": {"task": "tenants.tasks.relay_outbox", "schedule": 2.0},
    "beat-heart": {"task": "tenants.tasks.beat_heart", "schedule": 10.0},
    "refill-spare-schemas": {"task": "tenants.tasks.refill_spare_schemas", "schedule": 30.0},
    "send-invitations": {"task": "tenants.tasks.send_due_invitations", "schedule": 30.0},
    "tidy": {"task": "tenants.tasks.tidy", "schedule": 3600.0},
    "sweep-queue": {"task": "chat.tasks.sweep_queue", "schedule": 2.0},
    "sweep-deliveries": {"task": "crm_sync.tasks.sweep_deliveries", "schedule": 5.0},
    "roll-up-reports": {"task": "reports.tasks.roll_up_all", "schedule": 600.0},
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
    """A worker counts as present from its start, not from the first beat after it."""
    from tenants import heartbeat

    heartbeat.beat()

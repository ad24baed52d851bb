"""The outbox as a durable timer: an alarm is told, and stays until the one it woke confirms it.

The relay forgets an event once the broker took its message, and a broker may lose messages. So
whoever handles an alarm deletes it in the transaction of what it does, and an alarm that nobody
confirmed is told again. No company's schema is scanned for work.
"""

import datetime
import uuid

from django.db import connection
from django.utils import timezone

from chat.interface import LEAD_CAPTURED
from tenants import outbox
from tenants.models import OutboxEvent

CONNECTION_DUE = "connection.due"
_TOPICS = [LEAD_CAPTURED, CONNECTION_DUE]

# Told again after this long without a confirmation, doubling each time up to the longest.
PATIENCE_SECONDS = 30
_LONGEST_PATIENCE_SECONDS = 600

_TELL_AGAIN = """
UPDATE public.tenants_outboxevent event SET done_at = NULL, available_at = %(now)s
FROM public.tenants_company company
WHERE company.id = event.company_id AND company.state = 'active'
    AND event.topic = ANY(%(topics)s) AND event.done_at IS NOT NULL
    AND event.done_at < %(now)s - interval '1 second'
        * least(%(patience)s * power(2, least(event.attempts, 10) - 1), %(longest)s)
"""


def set_connection_alarm(
    company_id: uuid.UUID, connection_id: uuid.UUID, at: datetime.datetime | None = None
) -> None:
    """Have what is due on a connection sent at `at` (aware), None: as soon as this commits."""
    outbox.publish(
        company_id=company_id, topic=CONNECTION_DUE, object_id=connection_id, available_at=at
    )


def confirm(company_id: uuid.UUID, topic: str, object_id: object) -> None:
    """Delete the alarms of an object, told or not; call it before looking at what is to be done.

    What is published after it, by whoever, is told after what the caller sees.
    """
    OutboxEvent.objects.filter(
        company_id=company_id, topic=topic, object_id=str(object_id)
    ).delete()


def is_set(company_id: uuid.UUID, topic: str, object_id: object) -> bool:
    """Whether somebody is still to handle an alarm of the object. Queries: 1."""
    return OutboxEvent.objects.filter(
        company_id=company_id, topic=topic, object_id=str(object_id)
    ).exists()


def tell_unconfirmed_again(now: datetime.datetime | None = None) -> int:
    """Give back to the relay what was told and never confirmed; how many. Runs in any schema."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TELL_AGAIN,
            {
                "now": now or timezone.now(),
                "topics": _TOPICS,
                "patience": PATIENCE_SECONDS,
                "longest": _LONGEST_PATIENCE_SECONDS,
            },
        )
        count: int = cursor.rowcount
    return count

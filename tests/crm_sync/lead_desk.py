"""One company with one CRM, whose clock a test moves by hand."""

import dataclasses
import datetime
import uuid

from crm_sync.actions.deliveries import create_deliveries, send_due
from crm_sync.models import Connection, Delivery
from tenants.models import OutboxEvent
from tests.cast import Cast
from tests.crm_sync import builders
from tests.crm_sync.doubles import HttpDouble


@dataclasses.dataclass
class Desk:
    """A webhook connection of acme, a clock that is moved by hand."""

    cast: Cast
    crm: HttpDouble
    connection: Connection
    now: datetime.datetime

    def lead(self, **fields: str) -> Delivery:
        lead_id = builders.captured(self.cast.acme, **fields)
        create_deliveries(company=self.cast.acme, lead_id=lead_id)
        return self.delivery(lead_id)

    def delivery(self, lead_id: uuid.UUID) -> Delivery:
        return Delivery.objects.get(lead_id=lead_id, connection=self.connection)

    def send(self, after: float = 0) -> int:
        self.now += datetime.timedelta(seconds=after)
        return send_due(
            company=self.cast.acme,
            connection_id=self.connection.pk,
            clock=lambda: self.now,
            chance=lambda: 0.5,
        )

    def alarms(self) -> list[datetime.datetime]:
        rows = OutboxEvent.objects.filter(topic="connection.due", object_id=self.connection.pk)
        return sorted(rows.values_list("available_at", flat=True))

    @property
    def ids(self) -> list[str]:
        return [received.headers["webhook-id"] for received in self.crm.received]

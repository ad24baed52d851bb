"""A mail server that takes its time: one deadline for all of SMTP's steps together."""

import datetime
import time
from smtplib import SMTPServerDisconnected

import pytest

from crm_sync.actions.deliveries import create_deliveries, send_due
from crm_sync.connectors.adf.smtp import DeadlineSMTP
from crm_sync.connectors.base import UPSERT_LEAD, Outcome, Push
from crm_sync.connectors.registry import connector_of
from crm_sync.models import Delivery
from tenants.context import in_company
from tests.cast import Cast
from tests.crm_sync import builders
from tests.crm_sync.doubles import DripMail

SETTINGS = '{"transport":"email","target":"leads@store.crm.example","vendor_name":"Acme"}'
# Each answer, of eight bytes, comes well within the deadline of a second, four of them do not.
DRIP = 0.04


@pytest.mark.django_db
def test_an_attempt_ends_within_its_lease_and_the_lead_is_sent_once(
    cast: Cast, slow_mail: DripMail
) -> None:
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    with in_company(cast.acme):
        connection = builders.adf(cast.acme)
        create_deliveries(company=cast.acme, lead_id=builders.captured(cast.acme))

        def send() -> int:
            return send_due(
                company=cast.acme,
                connection_id=connection.pk,
                clock=lambda: now,
                chance=lambda: 0.5,
            )

        slow_mail.pause = DRIP
        began = time.monotonic()
        assert send() == 1
        assert time.monotonic() - began < 2
        delivery = Delivery.objects.get(connection=connection)
        assert delivery.state == Delivery.State.RETRY_SCHEDULED
        assert [a.outcome for a in delivery.attempts.all()] == [Outcome.RETRYABLE]
        assert slow_mail.heard[:2] == [b"EHLO", b"MAIL"]
        assert slow_mail.mails == []

        slow_mail.pause = 0
        now = delivery.next_attempt_at
        assert send() == 1
        assert send() == 0
        delivery.refresh_from_db()
        assert delivery.state == Delivery.State.DELIVERED
        assert len(slow_mail.mails) == 1


def test_a_server_that_never_greets_is_left_at_the_deadline(slow_mail: DripMail) -> None:
    slow_mail.pause = 10
    began = time.monotonic()
    with pytest.raises(SMTPServerDisconnected):
        DeadlineSMTP("127.0.0.1", slow_mail.server_address[1], deadline_seconds=0.3)
    assert time.monotonic() - began < 1


def test_an_answer_that_is_no_smtp_is_no_success(slow_mail: DripMail) -> None:
    slow_mail.taken = b"Thank you!"
    connector = connector_of("adf")
    push = Push(builders.lead(), UPSERT_LEAD, "lead_1_r1", builders.NOON)
    _, result = connector.send(connector.build(push, SETTINGS, "{}"), 5)
    assert result.outcome == Outcome.AMBIGUOUS

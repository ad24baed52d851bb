import datetime
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tenants.context import in_company
from tests.cast import Cast
from tests.crm_sync import builders
from tests.crm_sync.doubles import (
    DripMail,
    HttpDouble,
    Mailbox,
    drip_mail,
    http_double,
    mail_double,
)
from tests.crm_sync.lead_desk import Desk


@pytest.fixture
def crm(settings: Settings) -> Iterator[HttpDouble]:
    """A CRM that takes HTTP on the loopback address."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    settings.DELIVERY_DEADLINE_SECONDS = 1
    with http_double() as server:
        yield server


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A dealer's mailbox, reached by real SMTP."""
    with mail_double() as (box, port):
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = port
        settings.EMAIL_USE_TLS = False
        settings.EMAIL_HOST_USER = ""
        yield box


@pytest.fixture
def slow_mail(settings: Settings) -> Iterator[DripMail]:
    """A mail server as slow as a test wants it, with a second for each attempt."""
    settings.DELIVERY_DEADLINE_SECONDS = 1
    with drip_mail() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_USE_TLS = False
        settings.EMAIL_HOST_USER = ""
        yield server


@pytest.fixture
def desk(cast: Cast, crm: HttpDouble) -> Iterator[Desk]:
    with in_company(cast.acme):
        connection = builders.webhook(cast.acme, crm.url)
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
        yield Desk(cast, crm, connection, now)

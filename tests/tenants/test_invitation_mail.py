"""Invitations reach a real mail server, sooner or later, whatever it says at first."""

import base64
import email
import json
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from django.conf import settings as project
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tenants.actions import companies, invitation_mail, invitations
from tenants.actor import SYSTEM, Actor
from tenants.errors import NotFound
from tenants.models import Company, Invitation, Role
from tests.cast import Cast
from tests.crm_sync.doubles import Mailbox, mail_double, only_part
from tests.servers import Worker
from tests.waiting import until

EMAIL = "nils@people.example"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A real mail server that this process sends by."""
    with mail_double() as (box, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield box


def invited(cast: Cast, email: str = EMAIL) -> Invitation:
    return invitations.invite(company=cast.acme, email=email, role=Role.AGENT, inviter=cast.olga)


def tries() -> list[int]:
    """How often each was tried, in the order in which they were made."""
    return list(Invitation.objects.order_by("created_at").values_list("mail_tries", flat=True))


def token_in(mail: bytes) -> str:
    body = only_part(email.message_from_bytes(mail)).decode()
    found = re.search(r"http://acme\.localhost:\d+/invitations/([\w-]+)/", body)
    assert found, body
    return found[1]


def let_time_pass() -> None:
    Invitation.objects.update(mail_due_at=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("refusal", ["451 4.3.0 Later", "554 5.6.0 No", "gone"])
def test_a_mail_server_that_refuses_costs_no_invitation_and_gets_it_later(
    cast: Cast,
    client_for: Callable[..., Client],
    mailbox: Mailbox,
    settings: Settings,
    refusal: str,
) -> None:
    port = settings.EMAIL_PORT
    if refusal == "gone":
        settings.EMAIL_PORT = 1
    mailbox.refuse_data = refusal
    owner = client_for(cast.olga, cast.acme)
    answer = owner.post("/admin/people/invite/", {"email": EMAIL, "role": "agent"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/people/")
    assert "e-mail on its way" in owner.get("/admin/people/").content.decode()
    invitation = Invitation.objects.get()

    assert invitation_mail.send(invitation.pk) is False
    # It rests for a while.
    assert invitation_mail.send_due() == 0
    let_time_pass()
    assert invitation_mail.send_due() == 0
    assert "tried again" in owner.get("/admin/people/").content.decode()
    assert mailbox.mails == []

    mailbox.refuse_data, settings.EMAIL_PORT = "", port
    let_time_pass()
    assert invitation_mail.send_due() == 1
    assert mailbox.recipients == [EMAIL]
    assert invitations.find(company=cast.acme, token=token_in(mailbox.mails[0])) == invitation
    assert "e-mail" not in owner.get("/admin/people/").content.decode().split("Open invitations")[1]
    assert (invitation_mail.send_due(), len(mailbox.mails)) == (0, 1)


@pytest.mark.django_db
def test_a_mailbox_that_there_is_not_holds_up_no_other(cast: Cast, mailbox: Mailbox) -> None:
    mailbox.unknown = {"gone@people.example"}
    for address in ("gone@people.example", "second@people.example", "third@people.example"):
        invited(cast, address)
    assert invitation_mail.send_due() == 2
    assert mailbox.recipients == ["second@people.example", "third@people.example"]
    assert tries() == [1, 1, 1]


@pytest.mark.django_db
def test_an_address_that_no_host_can_have_holds_up_no_other(cast: Cast, mailbox: Mailbox) -> None:
    invited(cast, f"gone@{60 * 'ä'}.example")
    invited(cast, "second@people.example")
    assert invitation_mail.send_due() == 1
    assert mailbox.recipients == ["second@people.example"]
    assert tries() == [1, 1]


@pytest.mark.django_db
def test_an_e_mail_that_the_server_does_not_take_holds_up_no_other(
    cast: Cast, mailbox: Mailbox
) -> None:
    mailbox.refuse_data = "554 5.6.0 No"
    invited(cast)
    invited(cast, "second@people.example")
    assert invitation_mail.send_due() == 0
    assert tries() == [1, 1]


@pytest.mark.django_db
def test_a_server_that_is_gone_is_asked_once_in_a_round(
    cast: Cast, mailbox: Mailbox, settings: Settings
) -> None:
    settings.EMAIL_PORT = 1
    invited(cast)
    invited(cast, "second@people.example")
    assert invitation_mail.send_due() == 0
    assert tries() == [1, 0]


@pytest.mark.real_commits
def test_one_that_another_process_mails_holds_up_no_other(cast: Cast, mailbox: Mailbox) -> None:
    held = invited(cast)
    invited(cast, "second@people.example")

    def send_due() -> int:
        try:
            return invitation_mail.send_due()
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        Invitation.objects.select_for_update().get(pk=held.pk)
        assert pool.submit(send_due).result() == 1
    assert mailbox.recipients == ["second@people.example"]


@pytest.mark.django_db
def test_a_company_s_name_is_one_line_of_an_e_mail(cast: Cast, mailbox: Mailbox) -> None:
    companies.change_settings(
        company=cast.acme,
        name=" Acme\r\nBcc: eve@attackers.example ",
        website="",
        time_zone="UTC",
        actor=SYSTEM,
    )
    invited(cast)
    assert invitation_mail.send_due() == 1
    subject = email.message_from_bytes(mailbox.mails[0])["Subject"]
    assert subject == "Join Acme Bcc: eve@attackers.example on Switchboard"
    assert mailbox.recipients == [EMAIL]


@pytest.mark.django_db
def test_each_failure_makes_the_next_wait_longer_up_to_an_hour(
    cast: Cast, mailbox: Mailbox
) -> None:
    mailbox.refuse_data = "451 4.3.0 Later"
    invitation = invited(cast)
    waits = []
    for _ in range(8):
        let_time_pass()
        began = timezone.now()
        assert invitation_mail.send(invitation.pk) is False
        invitation.refresh_from_db()
        assert invitation.mail_due_at is not None
        waits.append(round((invitation.mail_due_at - began).total_seconds()))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


@pytest.mark.django_db
def test_sent_again_the_earlier_link_is_dead(cast: Cast, mailbox: Mailbox) -> None:
    invitation = invited(cast)
    invitation_mail.send_due()
    invitations.renew(company=cast.acme, invitation_id=invitation.pk, actor=Actor.person(cast.olga))
    assert invitation_mail.send_due() == 1
    first, second = map(token_in, mailbox.mails)
    with pytest.raises(invitations.InvitationGone):
        invitations.find(company=cast.acme, token=first)
    assert invitations.find(company=cast.acme, token=second) == invitation


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["withdrawn", "expired", "suspended", "mailed", "unknown"])
def test_what_is_not_to_be_mailed_is_not(cast: Cast, mailbox: Mailbox, end: str) -> None:
    invitation = invited(cast)
    key = invitation.pk
    if end == "withdrawn":
        invitations.withdraw(company=cast.acme, invitation_id=key, actor=Actor.person(cast.olga))
    elif end == "expired":
        Invitation.objects.update(expires_at=timezone.now())
    elif end == "suspended":
        Company.objects.filter(pk=cast.acme.id).update(state=Company.State.SUSPENDED)
    elif end == "mailed":
        Invitation.objects.update(mail_due_at=None)
    before = Invitation.objects.values().get()
    assert invitation_mail.send(uuid.uuid4() if end == "unknown" else key) is False
    assert mailbox.mails == []
    assert Invitation.objects.values().get() == before


@pytest.mark.django_db
def test_another_company_cannot_have_it_mailed_again(cast: Cast, mailbox: Mailbox) -> None:
    invitation = invited(cast)
    invitation_mail.send_due()
    with pytest.raises(NotFound):
        invitations.renew(
            company=cast.initech, invitation_id=invitation.pk, actor=Actor.person(cast.ivan)
        )
    assert (invitation_mail.send_due(), len(mailbox.mails)) == (0, 1)


@pytest.mark.real_commits
def test_a_worker_mails_it_and_is_told_its_id_only(cast: Cast, logs: Path) -> None:
    with mail_double() as (mailbox, port):
        invitation = invited(cast)
        queue = f"{project.REDIS_PREFIX}:delivery"
        with redis.Redis.from_url(project.REDIS_URL) as client:
            messages = [json.loads(raw) for raw in client.lrange(queue, 0, -1)]
        bodies = [json.loads(base64.b64decode(message["body"])) for message in messages]
        assert [body[:2] for body in bodies] == [[[str(invitation.pk)], {}]]
        assert EMAIL not in str(messages)
        worker = Worker(
            log=logs / "invitations.log",
            queues="delivery",
            beat=False,
            environment={"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port)},
        ).start()
        try:
            until(lambda: mailbox.mails, seconds=60)
        finally:
            worker.kill()
    assert mailbox.recipients == [EMAIL]
    assert invitations.find(company=cast.acme, token=token_in(mailbox.mails[0])) == invitation
    log = (logs / "invitations.log").read_text(encoding="utf-8")
    assert EMAIL not in log
    assert token_in(mailbox.mails[0]) not in log

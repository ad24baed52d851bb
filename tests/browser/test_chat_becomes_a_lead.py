"""A visitor is answered, becomes a lead, and the lead is in both of the company's CRMs."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from lxml import etree
from pytest_django import Settings
from standardwebhooks import Webhook

from chat.models import Conversation, Lead
from crm_sync.actions import connections
from crm_sync.connectors.adf import rules
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.resolution import CompanyRef
from tests.browser import people
from tests.browser.website import Website
from tests.cast import Cast
from tests.crm_sync.doubles import HttpDouble, Mailbox, http_double, mail_double, only_part
from tests.servers import Daphne, Worker
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.real_commits


def test_a_visitor_is_answered_and_the_lead_reaches_both_crms(
    cast: Cast,
    served: Daphne,
    website: Callable[[CompanyRef], Website],
    new_context: Callable[..., BrowserContext],
    settings: Settings,
) -> None:
    site = website(cast.acme).allow_on(cast.acme)
    with http_double() as crm, mail_double() as (mailbox, mail_port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail_port
        secret = _link_crms(cast.acme, crm)
        mailbox.mails.clear()
        mailbox.recipients.clear()
        worker = Worker(
            environment={"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mail_port)}
        ).start()
        try:
            _chat_and_capture(cast, served, site, new_context)
            _adf_arrived(mailbox, cast.acme)
            _webhook_arrived(crm, secret)
        finally:
            worker.kill()


def _link_crms(company: CompanyRef, crm: HttpDouble) -> str:
    """Activate a webhook and an ADF mailbox; return the webhook's secret."""
    with in_company(company):
        webhook = connections.create(
            company=company,
            actor=SYSTEM,
            connector="webhook",
            name="Our own CRM",
            values={"url": crm.url, "transcript": "yes"},
        )
        dealer = connections.create(
            company=company,
            actor=SYSTEM,
            connector="adf",
            name="Dealer CRM",
            values={
                "transport": "email",
                "target": "leads@dealer.example",
                "vendor_name": company.name,
                "comments_limit": "4000",
            },
        )
        for made in (webhook, dealer):
            connections.send_test_lead(company=company, actor=SYSTEM, connection_id=made.pk)
            connections.activate(company=company, actor=SYSTEM, connection_id=made.pk)
        crm.received.clear()
        secret: str = json.loads(webhook.credentials)["secret"]
        return secret


def _chat_and_capture(
    cast: Cast, served: Daphne, site: Website, new_context: Callable[..., BrowserContext]
) -> None:
    at_desk = new_context(viewport={"width": 1440, "height": 900})
    desk = people.at_desk(at_desk, served, cast.amir)

    visitor = new_context(viewport={"width": 1280, "height": 800}).new_page()
    frame = people.open_chat(visitor, site.origin)
    people.write(frame, "Is the blue estate still there?")
    people.accept_offer(desk)
    desk.wait_for_selector("text=Is the blue estate still there?")
    people.answer(desk, "It is. When would you like to see it?")
    frame.wait_for_selector("text=It is. When would you like to see it?")
    people.write(frame, "Tomorrow at ten.")
    desk.wait_for_selector("#log >> text=Tomorrow at ten.")
    conversation = [
        "Is the blue estate still there?",
        "It is. When would you like to see it?",
        "Tomorrow at ten.",
    ]
    assert people.said_at_desk(desk) == conversation
    assert people.said_to_visitor(frame) == conversation

    desk.fill("#lead-name", "Vera Visitor")
    desk.fill("#lead-email", "vera@visitors.example")
    desk.click("#lead button[type=submit]")
    desk.wait_for_selector("[data-field=lead-state]:has-text('Saved')")
    desk.click("button[data-dialog=close-dialog]")
    desk.check("#close-form [value=lead]")
    desk.click("#close-form button[type=submit]")
    frame.wait_for_selector("#ended:visible")
    with in_company(cast.acme):
        chat = Conversation.objects.get()
        assert (chat.state, chat.disposition, chat.agent_id) == ("closed", "lead", cast.amir.pk)
        assert Lead.objects.get().conversation_id == chat.pk
    with in_company(cast.globex):
        assert not Conversation.objects.exists()


def _adf_arrived(mailbox: Mailbox, company: CompanyRef) -> None:
    raw = until(lambda: mailbox.mails, seconds=30)[0]
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    body = only_part(mail)
    assert mail.get_content_type() == "text/plain"
    # SMTP ends lines with CR LF; the document itself has none.
    assert rules.message_problems(raw, body.replace(b"\r\n", b"\n")) == []
    prospect = etree.fromstring(body).find("prospect")
    assert prospect is not None
    assert prospect.findtext("customer/contact/email") == "vera@visitors.example"
    assert prospect.findtext("vendor/vendorname") == company.name
    assert mailbox.recipients == ["leads@dealer.example"]


def _webhook_arrived(crm: HttpDouble, secret: str) -> None:
    received = until(lambda: crm.received, seconds=30)[0]
    event = Webhook(secret).verify(received.body, received.headers)
    assert event["type"] == "lead.created"
    assert event["data"]["contact"]["email"] == "vera@visitors.example"
    assert len(crm.received) == 1

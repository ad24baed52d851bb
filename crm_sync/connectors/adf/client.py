"""ADF 1.0 for car dealerships: one prospect by e-mail, or by HTTP POST."""

import contextlib
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import Any

import msgspec
from django.conf import settings as django_settings

from crm_sync.connectors import by_http
from crm_sync.connectors.adf import mapping, message, rules
from crm_sync.connectors.adf.settings import FIELDS, Settings, parse
from crm_sync.connectors.adf.smtp import DeadlineSMTP
from crm_sync.connectors.base import (
    UPSERT_LEAD,
    Incoming,
    Outcome,
    Outgoing,
    Push,
    Result,
    SettingField,
)
from crm_sync.errors import SignsNothing
from tenants.resolution import CompanyRef

MAILTO = "mailto:"


class Adf:
    key = "adf"
    name = "ADF (dealer CRM)"
    summary = "The format that nearly every dealership CRM takes, by e-mail or HTTP."
    # E-mail is no place for health information.
    may_carry_health_data = False
    steps = (UPSERT_LEAD,)
    fields: tuple[SettingField, ...] = FIELDS

    def suggested(self, company: CompanyRef) -> dict[str, str]:
        return {"vendor_name": company.name}

    def parse(self, values: Mapping[str, str]) -> dict[str, Any]:
        return parse(values)

    def first_credentials(self) -> dict[str, Any]:
        return {}

    def signing_secrets(self, credentials: str) -> list[str]:
        return []

    def with_new_secret(self, credentials: str) -> dict[str, Any]:
        raise SignsNothing

    def with_one_secret(self, credentials: str) -> dict[str, Any]:
        raise SignsNothing

    def build(self, push: Push, settings: str, credentials: str) -> Outgoing:
        chosen = msgspec.json.decode(settings, type=Settings)
        content = mapping.document(push.lead, chosen, resend=push.resend)
        if chosen.transport == "http":
            return Outgoing(chosen.target, {"content-type": "application/xml"}, content)
        mail = message.mail(push, chosen.target, content, sender=django_settings.DEFAULT_FROM_EMAIL)
        headers = {name.lower(): str(value) for name, value in mail.items()}
        return Outgoing(f"{MAILTO}{chosen.target}", headers, mail.as_bytes())

    def problems(self, outgoing: Outgoing, push: Push, settings: str) -> Sequence[str]:
        chosen = msgspec.json.decode(settings, type=Settings)
        content = mapping.document(push.lead, chosen, resend=push.resend)
        found = rules.document_problems(content, push.lead, chosen, resend=push.resend)
        if outgoing.target.startswith(MAILTO):
            found += rules.message_problems(outgoing.body, content)
        return found

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> tuple[Incoming, Result]:
        if outgoing.target.startswith(MAILTO):
            return _send_mail(outgoing, deadline_seconds)
        return by_http.post(outgoing, deadline_seconds)


def _send_mail(outgoing: Outgoing, deadline_seconds: float) -> tuple[Incoming, Result]:
    """Hand the mail to our own mail server. Only its answer to the data says that it took it."""
    sender = parseaddr(django_settings.DEFAULT_FROM_EMAIL)[1]
    handed_over = False
    try:
        with contextlib.ExitStack() as stack:
            smtp = _server(deadline_seconds)
            stack.callback(smtp.close)
            for code, text in (smtp.mail(sender), smtp.rcpt(outgoing.target.removeprefix(MAILTO))):
                if code >= 400:
                    return _refused(code, text)
            handed_over = True
            code, text = smtp.data(outgoing.body)
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
    except smtplib.SMTPResponseException as error:
        # Our own server refuses us: that says nothing of the lead, and an operator will mend it.
        return Incoming(error.smtp_code), Result(
            Outcome.RETRYABLE, "Our mail server does not take mail at the moment.", error.smtp_code
        )
    except (smtplib.SMTPException, OSError):
        outcome = Outcome.AMBIGUOUS if handed_over else Outcome.RETRYABLE
        return Incoming(), Result(outcome, "The connection to the mail server broke.")
    if code >= 400:
        return _refused(code, text)
    return Incoming(code, text=_text(text)), Result(Outcome.SUCCESS, "The mail was taken.", code)


def _server(deadline_seconds: float) -> smtplib.SMTP:
    smtp = DeadlineSMTP(
        django_settings.EMAIL_HOST, django_settings.EMAIL_PORT, deadline_seconds=deadline_seconds
    )
    if django_settings.EMAIL_USE_TLS:
        smtp.starttls(context=ssl.create_default_context())
    # TLS begins the session anew (RFC 3207 section 4.2).
    smtp.ehlo_or_helo_if_needed()
    if django_settings.EMAIL_HOST_USER:
        smtp.login(django_settings.EMAIL_HOST_USER, django_settings.EMAIL_HOST_PASSWORD)
    return smtp


def _refused(code: int, text: bytes) -> tuple[Incoming, Result]:
    """4xx asks to try again, 5xx is final (RFC 5321 section 4.2.1)."""
    if code >= 500:
        result = Result(Outcome.PERMANENT, f"The mailbox refuses the mail ({code}).", code)
    else:
        result = Result(Outcome.RETRYABLE, f"The mailbox asks to try later ({code}).", code)
    return Incoming(code, text=_text(text)), result


def _text(answer: bytes) -> str:
    return answer.decode(errors="replace")

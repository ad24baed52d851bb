"""The signed webhook: any program that speaks Standard Webhooks (specification b2fa7b8)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from crm_sync.connectors import by_http
from crm_sync.connectors.base import (
    UPSERT_LEAD,
    Incoming,
    Outcome,
    Outgoing,
    Push,
    Result,
    SettingField,
)
from crm_sync.connectors.webhook import mapping
from crm_sync.connectors.webhook.settings import FIELDS, Credentials, Settings, new_secret, parse
from crm_sync.http import Answer
from tenants.resolution import CompanyRef


class Webhook:
    key = "webhook"
    name = "Signed webhook"
    summary = "Each lead as signed JSON to an address of yours, by Standard Webhooks."
    may_carry_health_data = True
    steps = (UPSERT_LEAD,)
    fields: tuple[SettingField, ...] = FIELDS

    def suggested(self, company: CompanyRef) -> dict[str, str]:
        return {}

    def parse(self, values: Mapping[str, str]) -> dict[str, Any]:
        return parse(values)

    def first_credentials(self) -> dict[str, Any]:
        return {"secret": new_secret()}

    def signing_secrets(self, credentials: str) -> list[str]:
        known = msgspec.json.decode(credentials, type=Credentials)
        return [secret for secret in (known.secret, known.previous) if secret]

    def with_new_secret(self, credentials: str) -> dict[str, Any]:
        newest = self.signing_secrets(credentials)[0]
        return {"secret": new_secret(), "previous": newest}

    def with_one_secret(self, credentials: str) -> dict[str, Any]:
        return {"secret": self.signing_secrets(credentials)[0]}

    def build(self, push: Push, settings: str, credentials: str) -> Outgoing:
        chosen = msgspec.json.decode(settings, type=Settings)
        content = mapping.body(push.lead, transcript=chosen.transcript)
        secrets = self.signing_secrets(credentials)
        headers = mapping.headers(content, key=push.key, at=push.at, secrets=secrets)
        return Outgoing(chosen.url, headers, content)

    def problems(self, outgoing: Outgoing, push: Push, settings: str) -> Sequence[str]:
        return ()

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> tuple[Incoming, Result]:
        return by_http.post(outgoing, deadline_seconds, _result)


def _result(answer: Answer) -> Result:
    if answer.status == 410:
        return Result(Outcome.GONE, "The receiver says that it is gone for good.", 410)
    result = by_http.result_of_answer(answer)
    # The receiver's own way to say "never again" (svix).
    if answer.headers.get("webhook-delivery") == "abort-message" and not 200 <= answer.status < 300:
        return Result(Outcome.PERMANENT, "The receiver wants no retry.", answer.status)
    return result

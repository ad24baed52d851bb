"""What a connector is: code for one kind of CRM, and the words in which it tells its results."""

import dataclasses
import datetime
import enum
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from chat.interface import LeadPayload
from tenants.resolution import CompanyRef

UPSERT_LEAD = "upsert_lead"


class Outcome(enum.StrEnum):
    """How one attempt ended, named by what is to be done about it."""

    SUCCESS = "success"
    # The CRM has it already: as good as a success.
    DUPLICATE = "duplicate"
    # "Not now": waits as asked, counts as no attempt.
    RATE_LIMITED = "rate_limited"
    RETRYABLE = "retryable"
    # It may have arrived: tried again with the same idempotency key.
    AMBIGUOUS = "ambiguous"
    # The connection waits for a person: new credentials, or gone for good.
    AUTH = "auth"
    GONE = "gone"
    # The connection's settings, or this lead, will never be accepted as they are.
    CONFIG = "config"
    PERMANENT = "permanent"


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """One attempt's end: `message` is for people and repeats nothing of the lead."""

    outcome: Outcome
    message: str
    status: int | None = None
    # Seconds, within what is ever waited (backoff.retry_after_seconds).
    retry_after: float | None = None
    external_id: str = ""
    request_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Outgoing:
    """What is sent: `target` an URL or a mailbox, `headers` as they go over the wire."""

    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Incoming:
    """What was answered, as text."""

    status: int | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    text: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Push:
    """One thing to send. `key` stays the same when it goes again; `resend`: it was sent before."""

    lead: LeadPayload
    step: str
    key: str
    at: datetime.datetime
    resend: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class SettingField:
    """One field of a connection's form."""

    name: str
    label: str
    help: str = ""
    kind: Literal["text", "url", "email", "number", "flag", "choice"] = "text"
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()


class SettingsRefused(Exception):
    """`fields` maps the name of each wrong setting to what to do about it."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("Check the marked fields.")
        self.fields = dict(fields)


class Connector(Protocol):
    """One kind of CRM. `settings` and `credentials` are its own types, stored as JSON."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def may_carry_health_data(self) -> bool: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    @property
    def fields(self) -> tuple[SettingField, ...]: ...

    def suggested(self, company: CompanyRef) -> dict[str, str]:
        """What stands in a new connection's form before a person writes in it."""
        ...

    def parse(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The settings to store. Raises SettingsRefused."""
        ...

    def first_credentials(self) -> dict[str, Any]:
        """What a new connection starts with, such as a signing secret."""
        ...

    def signing_secrets(self, credentials: str) -> list[str]:
        """The secrets that sign now, newest first; [] where nothing is signed."""
        ...

    def with_new_secret(self, credentials: str) -> dict[str, Any]:
        """Credentials that sign with a new secret and the last one. Raises SignsNothing."""
        ...

    def with_one_secret(self, credentials: str) -> dict[str, Any]:
        """Credentials that sign with the newest secret alone. Raises SignsNothing."""
        ...

    def build(self, push: Push, settings: str, credentials: str) -> Outgoing:
        """What would be sent. Pure."""
        ...

    def problems(self, outgoing: Outgoing, push: Push, settings: str) -> Sequence[str]:
        """What the CRM would not understand of it, in sentences; nothing is sent with one."""
        ...

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> tuple[Incoming, Result]:
        """Send it. Whatever happens is a Result; nothing is raised for it."""
        ...

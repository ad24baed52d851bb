"""Checking the audit log: computed here, so that the database's word is not taken for its own.

The digest of an event is SHA-256 (hex) over the UTF-8 text of a JSON array, as PostgreSQL writes
jsonb: [previous digest, company id, number, UTC time, actor kind, actor id, verb, target kind,
target id, facts], ", " between members, ": " after keys, keys by length and then by bytes.
"""

import dataclasses
import datetime
import hashlib
import json
import uuid
from collections.abc import Mapping

from tenants.models import AuditEvent


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    number: int
    what: str


@dataclasses.dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found. `head` as `<number>:<digest>`: kept elsewhere, it proves later that nothing
    up to there was cut off or written anew."""

    events: int
    head: str
    problems: tuple[Problem, ...]


def digest_of(event: AuditEvent) -> str:
    """The digest that the event must carry."""
    at = event.at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    values = [
        event.previous_digest,
        None if event.company_id is None else str(event.company_id),
        event.number,
        at,
        event.actor_kind,
        None if event.actor_id is None else str(event.actor_id),
        event.verb,
        event.target_kind,
        event.target_id,
        _ordered(event.facts),
    ]
    text = json.dumps(values, ensure_ascii=False, separators=(", ", ": "))
    return hashlib.sha256(text.encode()).hexdigest()


def verify(company_id: uuid.UUID | None, *, expected_head: str = "") -> ChainReport:
    """Check a company's chain (None: the platform's) from its first event to its last.

    `expected_head` is a head that an earlier check reported. Queries: 1, streamed.
    """
    problems: list[Problem] = []
    number, digest, count = 0, "", 0
    seen_expected = not expected_head
    events = AuditEvent.objects.filter(company_id=company_id).order_by("number")
    for event in events.iterator(chunk_size=2000):
        count += 1
        if event.number != number + 1:
            problems.append(Problem(event.number, f"follows number {number}: events are missing"))
        elif event.previous_digest != digest:
            problems.append(Problem(event.number, "does not follow from the event before it"))
        if event.digest != digest_of(event):
            problems.append(Problem(event.number, "was changed"))
        number, digest = event.number, event.digest
        seen_expected = seen_expected or f"{number}:{digest}" == expected_head
    if not seen_expected:
        problems.append(Problem(number, f"the log does not hold the expected {expected_head}"))
    return ChainReport(count, f"{number}:{digest}", tuple(problems))


def _ordered(value: object) -> object:
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (len(str(key).encode()), str(key).encode()))
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, list):
        return [_ordered(part) for part in value]
    return value

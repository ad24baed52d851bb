"""Reading the audit log of one company."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterator
from typing import cast

from django.core.paginator import Page, Paginator

from tenants.models import AuditEvent, Verb
from tenants.queries.people import names_of
from tenants.resolution import CompanyRef

PER_PAGE = 50


@dataclasses.dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to show; empty means all. Both days are included and lie in the company's zone."""

    verb: str = ""
    actor_id: uuid.UUID | None = None
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    target_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log in words: who, what and to which thing."""

    event: AuditEvent
    actor: str
    what: str
    thing: str
    facts: list[str]


def page(company: CompanyRef, wanted: AuditFilter, number: str | None) -> Page[Entry]:
    """One page of the company's log, newest first. Queries: 3."""
    events = AuditEvent.objects.filter(company_id=company.id).order_by("-number")
    if wanted.verb:
        events = events.filter(verb=wanted.verb)
    if wanted.actor_id:
        events = events.filter(actor_id=wanted.actor_id)
    if wanted.since:
        events = events.filter(at__gte=wanted.since)
    if wanted.until:
        events = events.filter(at__lt=wanted.until)
    if wanted.target_id:
        events = events.filter(target_id=wanted.target_id)
    found = Paginator(events, PER_PAGE).get_page(number)
    names = names_of({person for event in found for person in _people(event)})
    shown = [
        Entry(
            event,
            actor=_actor(event, names),
            what=words(event.verb),
            thing=_thing(event, names),
            facts=_facts(event, names),
        )
        for event in found
    ]
    return Page(shown, found.number, cast("Paginator[Entry]", found.paginator))


def actors(company: CompanyRef) -> dict[uuid.UUID, str]:
    """The people who stand in the log, by id. Queries: 2."""
    ids = (
        AuditEvent.objects.filter(company_id=company.id, actor_kind=AuditEvent.ActorKind.PERSON)
        .values_list("actor_id", flat=True)
        .distinct()
    )
    return names_of({actor for actor in ids if actor is not None})


def words(verb: str) -> str:
    """What a verb of the log is called on a page."""
    return Verb(verb).label.capitalize()


def _people(event: AuditEvent) -> Iterator[uuid.UUID]:
    """Whom an event names, by id."""
    if event.actor_id and event.actor_kind == AuditEvent.ActorKind.PERSON:
        yield event.actor_id
    if event.target_kind == "person":
        yield uuid.UUID(event.target_id)
    if agent := _as_id(event.facts.get("agent")):
        yield agent


def _thing(event: AuditEvent, names: dict[uuid.UUID, str]) -> str:
    if event.target_kind == "person":
        return names.get(uuid.UUID(event.target_id), "somebody who left")
    return f"{event.target_kind.replace('_', ' ')} {_shown(event.target_id, names)}"


def _facts(event: AuditEvent, names: dict[uuid.UUID, str]) -> list[str]:
    known = {key: value for key, value in event.facts.items() if value not in ("", None)}
    return [f"{key.replace('_', ' ')}: {_shown(value, names)}" for key, value in known.items()]


def _shown(value: object, names: dict[uuid.UUID, str]) -> str:
    """A person by name; of another id the beginning, which tells as much as the whole."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    found = _as_id(value)
    return names.get(found, str(found)[:8]) if found else str(value)


def _as_id(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return None


def _actor(event: AuditEvent, names: dict[uuid.UUID, str]) -> str:
    if event.actor_kind == AuditEvent.ActorKind.SYSTEM:
        return "Switchboard"
    if event.actor_kind == AuditEvent.ActorKind.VISITOR:
        return f"Visitor {str(event.actor_id)[:8]}"
    return names.get(event.actor_id, "somebody who left") if event.actor_id else "somebody"

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
        Entry(event, _actor(event, names), words(event.verb), _thing(event, names))
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
    if event.actor_id and event.actor_kind == AuditEvent.ActorKind.PERSON:
        yield event.actor_id
    if event.target_kind == "person":
        yield uuid.UUID(event.target_id)


def _thing(event: AuditEvent, names: dict[uuid.UUID, str]) -> str:
    if event.target_kind == "person":
        return names.get(uuid.UUID(event.target_id), "somebody who left")
    return f"{event.target_kind.replace('_', ' ')} {_short(event.target_id)}"


def _short(target_id: str) -> str:
    """The beginning of an id, which tells as much as the whole; anything else as it is."""
    try:
        return str(uuid.UUID(target_id))[:8]
    except ValueError:
        return target_id


def _actor(event: AuditEvent, names: dict[uuid.UUID, str]) -> str:
    if event.actor_kind == AuditEvent.ActorKind.SYSTEM:
        return "Switchboard"
    if event.actor_kind == AuditEvent.ActorKind.VISITOR:
        return f"Visitor {str(event.actor_id)[:8]}"
    return names.get(event.actor_id, "somebody who left") if event.actor_id else "somebody"

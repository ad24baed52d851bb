"""Capturing leads: lead, frozen revision and outbox row commit together or not at all."""

import dataclasses
import datetime
import uuid
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from chat import lead_fields, origins
from chat.actions import events
from chat.lead_fields import LeadValues
from chat.lead_payload import (
    Agent,
    CompanyPart,
    Consent,
    Contact,
    LeadPayload,
    Line,
    Page,
    Vehicle,
    encode,
)
from chat.models import Conversation, Event, Lead, LeadRevision, Visit, Visitor
from chat.queries import availability
from chat.queries.event_bodies import readable
from tenants import audit, crypto, outbox
from tenants.actor import Actor
from tenants.errors import Conflict, NotFound
from tenants.models import User, Verb
from tenants.resolution import CompanyRef

LEAD_CAPTURED = "lead.captured"


@dataclasses.dataclass(frozen=True, slots=True)
class SavedLead:
    """What was stored; `seq` numbers the event on the desk, 0 where there is no conversation."""

    lead_id: uuid.UUID
    revision: int
    seq: int = 0


def save(
    *,
    company: CompanyRef,
    conversation_id: uuid.UUID,
    client_id: uuid.UUID,
    fields: Mapping[str, object],
    version: int,
    actor: Actor,
    agent: User | None,
    now: datetime.datetime | None = None,
) -> SavedLead:
    """Store the lead of a conversation, or its next revision, and tell the CRM connections.

    `version` is the revision the form showed, 0 where there was no lead yet. The same `client_id`
    again changes nothing and gives the first answer. A visitor who gave no name gets the lead's.
    Runs inside the company.

    Raises LeadInvalid, NotFound (no such conversation, or another agent's) and Conflict (somebody
    saved a newer revision, or another frame had the id).
    """
    values = lead_fields.clean(fields)
    at = now or timezone.now()
    with transaction.atomic():
        conversation = _locked(conversation_id, agent)
        told = _already_told(conversation_id, client_id)
        if told is not None:
            return told
        lead = Lead.objects.filter(conversation=conversation).first()
        if version != (lead.revision if lead else 0):
            raise Conflict(
                "This lead was changed meanwhile. Look at the new version and save again."
            )
        if lead is None:
            lead = Lead(
                conversation=conversation,
                source=Lead.Source.CHAT,
                client_id=client_id,
                phase=conversation.phase,
                revision=0,
                captured_at=at,
                captured_by=agent,
            )
        payload = _payload(
            company=company,
            lead=lead,
            values=values,
            at=at,
            consent=_consent(values, at),
            page=_page(conversation.visit),
            conversation_id=conversation.pk,
            agent=Agent(agent.pk, agent.shown_name) if agent else None,
            transcript=_transcript(conversation.pk),
        )
        _store(company=company, lead=lead, payload=payload, by=agent)
        _name(conversation.visitor, values.name)
        event = events.append(
            conversation_id=conversation.pk,
            kind=Event.Kind.LEAD_CHANGED,
            author_kind=Event.AuthorKind.AGENT if agent else Event.AuthorKind.SYSTEM,
            author_id=agent.pk if agent else None,
            body={
                "lead": str(lead.pk),
                "revision": lead.revision,
                "author": _author(agent),
            },
            client_id=client_id,
            visible_to_visitor=False,
        )
        _audit(company, lead, actor)
    return SavedLead(lead.pk, lead.revision, event.seq)


def capture_offline(
    *,
    company: CompanyRef,
    visitor_id: uuid.UUID,
    client_id: uuid.UUID,
    fields: Mapping[str, object],
    consent_text: str = "",
    page_url: str = "",
    page_title: str = "",
    now: datetime.datetime | None = None,
) -> SavedLead:
    """Store what the offline form says as a lead; `consent_text` is what stood by its tick box.

    The same `client_id` again changes nothing and gives the first answer. Runs inside the company.
    Raises LeadInvalid.
    """
    values = lead_fields.clean(fields)
    at = now or timezone.now()
    with transaction.atomic():
        lead, created = Lead.objects.get_or_create(
            client_id=client_id,
            defaults={
                "source": Lead.Source.OFFLINE_FORM,
                "phase": availability.phase_now(company, at),
                "revision": 0,
                "captured_at": at,
                "email_index": "",
                "phone_index": "",
            },
        )
        if not created:
            return SavedLead(lead.pk, lead.revision)
        payload = _payload(
            company=company,
            lead=lead,
            values=values,
            at=at,
            consent=Consent(values.consent_marketing, consent_text[:1000], at),
            page=Page(origins.page_address(page_url[:2000]), page_title[:300]),
        )
        _store(company=company, lead=lead, payload=payload, by=None)
        _audit(company, lead, Actor.visitor(visitor_id))
    return SavedLead(lead.pk, lead.revision)


def _locked(conversation_id: uuid.UUID, agent: User | None) -> Conversation:
    conversation = (
        Conversation.objects.select_for_update(no_key=True, of=("self", "visitor"))
        .select_related("visit", "visitor")
        .filter(pk=conversation_id)
        .first()
    )
    if conversation is None or (agent is not None and conversation.agent_id != agent.pk):
        raise NotFound
    return conversation


def _already_told(conversation_id: uuid.UUID, client_id: uuid.UUID) -> SavedLead | None:
    told = Event.objects.filter(
        conversation_id=conversation_id, client_id=client_id, kind=Event.Kind.LEAD_CHANGED
    )
    for event in readable(told):
        if event.kind == Event.Kind.LEAD_CHANGED:
            return SavedLead(uuid.UUID(event.body["lead"]), event.body["revision"], event.seq)
        # It cannot be read; the lead still can.
        lead = Lead.objects.get(conversation_id=conversation_id)
        return SavedLead(lead.pk, lead.revision, event.seq)
    return None


def _store(*, company: CompanyRef, lead: Lead, payload: LeadPayload, by: User | None) -> None:
    lead.revision = payload.revision
    lead.email_index = _index(company, "email", crypto.normalise_email(payload.contact.email))
    lead.phone_index = _index(company, "phone", payload.contact.phone_e164)
    with events.one_frame_an_id("chat_lead_client_id_key"):
        lead.save()
    LeadRevision.objects.create(lead=lead, number=payload.revision, payload=encode(payload), by=by)
    outbox.publish(company_id=company.id, topic=LEAD_CAPTURED, object_id=lead.pk)


def _name(visitor: Visitor, name: str) -> None:
    if not visitor.name:
        visitor.name = name
        visitor.save(update_fields=["name"])


def _audit(company: CompanyRef, lead: Lead, actor: Actor) -> None:
    audit.record(
        company_id=company.id,
        actor=actor,
        verb=Verb.LEAD_SAVED,
        target_kind="lead",
        target_id=lead.pk,
        revision=lead.revision,
        source=lead.source,
    )


def _index(company: CompanyRef, kind: str, normalised: str) -> str:
    # One label for visitors and leads: the same person is found in both.
    return crypto.blind_index(company.schema_name, kind, normalised) if normalised else ""


def _payload(
    *,
    company: CompanyRef,
    lead: Lead,
    values: LeadValues,
    at: datetime.datetime,
    consent: Consent,
    page: Page,
    conversation_id: uuid.UUID | None = None,
    agent: Agent | None = None,
    transcript: tuple[Line, ...] = (),
) -> LeadPayload:
    return LeadPayload(
        lead_id=lead.pk,
        revision=lead.revision + 1,
        company=CompanyPart(
            company.id, company.name, company.slug, company.time_zone, company.vertical
        ),
        captured_at=lead.captured_at.astimezone(datetime.UTC),
        revised_at=at.astimezone(datetime.UTC),
        source=lead.source,
        phase=lead.phase,
        contact=Contact(
            name=values.name,
            email=values.email,
            phone=values.phone,
            phone_e164=crypto.normalise_phone(values.phone),
            preferred=values.preferred_contact,
        ),
        consent=consent,
        interest=values.interest,
        timeframe=values.timeframe,
        notes=values.notes,
        vehicle=_vehicle(values),
        trade_in=_trade_in(values),
        page=page,
        conversation_id=conversation_id,
        agent=agent,
        transcript=transcript,
    )


def _vehicle(values: LeadValues) -> Vehicle | None:
    vehicle = Vehicle(
        interest=values.vehicle_interest or "buy",
        status=values.vehicle_status or "new",
        year=values.vehicle_year,
        make=values.vehicle_make,
        model=values.vehicle_model,
        trim=values.vehicle_trim,
        stock=values.vehicle_stock,
    )
    return vehicle if _is_described(vehicle) else None


def _trade_in(values: LeadValues) -> Vehicle | None:
    vehicle = Vehicle(
        interest="trade-in",
        status="used",
        year=values.trade_in_year,
        make=values.trade_in_make,
        model=values.trade_in_model,
        vin=values.trade_in_vin,
    )
    return vehicle if _is_described(vehicle) else None


def _is_described(vehicle: Vehicle) -> bool:
    facts = (vehicle.year, vehicle.make, vehicle.model, vehicle.trim, vehicle.vin, vehicle.stock)
    return any(facts)


def _consent(values: LeadValues, at: datetime.datetime) -> Consent:
    return Consent(marketing=True, at=at) if values.consent_marketing else Consent()


def _page(visit: Visit | None) -> Page:
    return Page(visit.page_url, visit.page_title, visit.referrer) if visit else Page()


def _transcript(conversation_id: uuid.UUID) -> tuple[Line, ...]:
    rows = Event.objects.filter(
        conversation_id=conversation_id, kind=Event.Kind.MESSAGE, visitor_seq__isnull=False
    ).order_by("seq")
    return tuple(
        Line(
            seq=event.seq,
            at=event.at.astimezone(datetime.UTC),
            author_kind=event.author_kind,
            author=event.body.get("author", {}).get("name", ""),
            text=event.body.get("text", ""),
        )
        for event in readable(rows)
    )


def _author(agent: User | None) -> dict[str, str]:
    if agent is None:
        return {"kind": Event.AuthorKind.SYSTEM.value, "name": ""}
    return {
        "kind": Event.AuthorKind.AGENT.value,
        "name": agent.shown_name,
        "id": str(agent.pk),
    }

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.actions import conversations, events, leads
from chat.lead_fields import FIELDS, LeadInvalid, LeadValues, clean, fields_for
from chat.live.protocol.visitor import StartFields
from chat.models import Conversation, Event, Lead, LeadRevision, Visitor
from chat.queries import conversations as conversation_list
from chat.queries import leads as queries
from chat.queries.desk_companies import desk_companies
from chat.queries.inbox import inbox
from tenants.actor import Actor
from tenants.context import in_company
from tenants.crypto import blind_index
from tenants.errors import Conflict, NotFound
from tenants.models import AuditEvent, OutboxEvent
from tests.cast import Cast
from tests.chat.desk.builders import conversation
from tests.statements import written_after_audit

pytestmark = pytest.mark.django_db
FORM = {"name": "Mia Visitor", "email": "Mia@Visitors.example", "phone": "+1 202-555-0101"}


@pytest.fixture
def conversation_id(cast: Cast) -> Iterator[uuid.UUID]:
    """A conversation of acme with Ana, who was told what the visitor wants."""
    with in_company(cast.acme):
        visitor = Visitor.objects.create(secret_digest=uuid.uuid4().hex)
        started = conversations.start(
            company=cast.acme,
            visitor_id=visitor.pk,
            start_id=uuid.uuid4(),
            fields=StartFields(),
            text="Do you have a V60?",
            visit_id=None,
        )
        conversations.assign(
            company=cast.acme,
            conversation_id=started.conversation_id,
            agent=cast.ana,
            actor=Actor.person(cast.ana),
        )
        yield started.conversation_id


def _save(cast: Cast, conversation_id: uuid.UUID, **changes: Any) -> leads.SavedLead:
    return leads.save(
        **{
            "company": cast.acme,
            "conversation_id": conversation_id,
            "client_id": uuid.uuid4(),
            "fields": FORM,
            "version": 0,
            "actor": Actor.person(cast.ana),
            "agent": cast.ana,
            **changes,
        }
    )


def _nothing_happened(conversation_id: uuid.UUID, leads_before: int = 0) -> None:
    assert Lead.objects.count() == leads_before
    assert OutboxEvent.objects.filter(topic="lead.captured").count() == leads_before
    assert Event.objects.filter(kind="lead.changed").count() == leads_before
    assert AuditEvent.objects.filter(verb="lead.saved").count() == leads_before


def test_a_lead_its_revision_its_event_and_its_outbox_row_are_one(
    cast: Cast, conversation_id: uuid.UUID
) -> None:
    saved = _save(cast, conversation_id)
    lead = Lead.objects.get()
    assert (lead.pk, lead.revision, lead.captured_by_id) == (saved.lead_id, 1, cast.ana.pk)
    assert lead.phase == Conversation.objects.get().phase
    assert lead.email_index == blind_index(cast.acme.schema_name, "email", "mia@visitors.example")
    payload = queries.payload(lead.pk, 1)
    assert payload.captured_at == lead.captured_at
    assert payload.contact.phone_e164 == "+12025550101"
    assert [line.text for line in payload.transcript] == ["Do you have a V60?"]
    assert payload.agent is not None
    assert payload.agent.id == cast.ana.pk
    event = Event.objects.get(kind="lead.changed")
    assert (event.seq, event.visitor_seq) == (saved.seq, None)
    assert OutboxEvent.objects.get(topic="lead.captured").object_id == str(lead.pk)
    audited = AuditEvent.objects.get(verb="lead.saved")
    assert (audited.actor_id, audited.facts) == (cast.ana.pk, {"revision": 1, "source": "chat"})


def test_the_audit_log_is_written_last_for_its_lock_is_the_company_s(
    cast: Cast, conversation_id: uuid.UUID
) -> None:
    with CaptureQueriesContext(connection) as captured:
        _save(cast, conversation_id)
    assert written_after_audit(captured) == []


def test_what_is_stored_cannot_be_read_in_the_table(cast: Cast, conversation_id: uuid.UUID) -> None:
    _save(cast, conversation_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(l)::text || to_jsonb(r)::text FROM chat_lead l, chat_leadrevision r"
        )
        row = cursor.fetchone()[0]
    for private in ("Mia V", "isitors.example", "555-01", "55501", "a V60"):
        assert private not in row


def test_the_same_frame_again_changes_nothing(cast: Cast, conversation_id: uuid.UUID) -> None:
    client_id = uuid.uuid4()
    first = _save(cast, conversation_id, client_id=client_id)
    assert _save(cast, conversation_id, client_id=client_id) == first
    _nothing_happened(conversation_id, leads_before=1)
    second_id = uuid.uuid4()
    second = _save(cast, conversation_id, client_id=second_id, version=1)
    assert _save(cast, conversation_id, client_id=second_id, version=1) == second
    assert second.revision == 2
    assert LeadRevision.objects.count() == 2


def test_the_id_of_another_chats_lead_is_a_conflict_and_stores_nothing(
    cast: Cast, conversation_id: uuid.UUID
) -> None:
    other = conversation(cast.acme, agent=cast.ana)
    client_id = uuid.uuid4()
    _save(cast, conversation_id, client_id=client_id)
    with pytest.raises(Conflict):
        _save(cast, other.pk, client_id=client_id)
    _nothing_happened(conversation_id, leads_before=1)


def test_a_visitor_who_gave_no_name_gets_the_leads(cast: Cast, conversation_id: uuid.UUID) -> None:
    def names() -> list[str]:
        at_desk = inbox(user=cast.ana, companies=desk_companies(cast.ana)).mine
        listed = conversation_list.page(cast.acme, conversation_list.ConversationFilter(), None)
        return [*(row.visitor_name for row in at_desk), *(line.visitor for line in listed)]

    label = names()[1]
    assert label.startswith("Visitor ")
    with pytest.raises(Conflict):
        _save(cast, conversation_id, version=7)
    assert names() == ["", label]
    _save(cast, conversation_id)
    assert names() == [FORM["name"], FORM["name"]]
    _save(cast, conversation_id, version=1, fields={**FORM, "name": "Another Name"})
    assert names() == [FORM["name"], FORM["name"]]


def test_a_revision_keeps_the_lead_and_freezes_the_old_one(
    cast: Cast, conversation_id: uuid.UUID
) -> None:
    first = _save(cast, conversation_id)
    second = _save(cast, conversation_id, version=1, fields={**FORM, "notes": "Call at nine"})
    assert second.lead_id == first.lead_id
    old, new = queries.payload(first.lead_id, 1), queries.payload(first.lead_id, 2)
    assert (old.notes, new.notes) == ("", "Call at nine")
    assert old.captured_at == new.captured_at == Lead.objects.get().captured_at < new.revised_at
    assert queries.latest_revision(first.lead_id) == 2
    assert [row.interest for row in queries.recent()] == [""]


@pytest.mark.parametrize("version", [1, 7])
def test_a_form_that_shows_an_old_version_is_refused(
    cast: Cast, conversation_id: uuid.UUID, version: int
) -> None:
    with pytest.raises(Conflict):
        _save(cast, conversation_id, version=version)
    _nothing_happened(conversation_id)
    _save(cast, conversation_id)
    with pytest.raises(Conflict):
        _save(cast, conversation_id, version=0)
    _nothing_happened(conversation_id, leads_before=1)


def test_another_agents_conversation_is_not_found(cast: Cast, conversation_id: uuid.UUID) -> None:
    with pytest.raises(NotFound):
        _save(cast, conversation_id, agent=cast.amir, actor=Actor.person(cast.amir))
    with pytest.raises(NotFound):
        _save(cast, uuid.uuid4())
    with in_company(cast.initech), pytest.raises(NotFound):
        _save(cast, conversation_id, company=cast.initech)
    _nothing_happened(conversation_id)


def test_a_note_is_never_in_the_transcript(cast: Cast, conversation_id: uuid.UUID) -> None:
    events.append(
        conversation_id=conversation_id,
        kind=Event.Kind.NOTE,
        author_kind=Event.AuthorKind.AGENT,
        author_id=cast.ana.pk,
        body={"text": "a hard bargainer", "author": {"kind": "agent", "name": "Ana"}},
        visible_to_visitor=False,
    )
    saved = _save(cast, conversation_id)
    assert "bargainer" not in json.dumps(
        [line.text for line in queries.payload(saved.lead_id, 1).transcript]
    )


def test_an_offline_form_becomes_a_lead_with_its_consent(cast: Cast) -> None:
    with in_company(cast.acme):
        saved = leads.capture_offline(
            company=cast.acme,
            visitor_id=uuid.uuid4(),
            client_id=uuid.uuid4(),
            fields={**FORM, "notes": "Please call", "consent_marketing": "yes"},
            consent_text="You may send me offers.",
            page_url="https://www.acme.example/",
        )
        payload = queries.payload(saved.lead_id, 1)
        assert payload.source == "offline_form"
        assert payload.consent.marketing is True
        assert payload.consent.text == "You may send me offers."
        assert payload.page.url == "https://www.acme.example/"
        assert payload.conversation_id is None
    with in_company(cast.initech):
        assert Lead.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"name", "email"}),
        ({"name": "Mia"}, {"email"}),
        ({"email": "mia@visitors.example"}, {"name"}),
        ({**FORM, "email": "not an address"}, {"email"}),
        ({**FORM, "phone": "call me"}, {"phone"}),
        ({**FORM, "vehicle_year": "24"}, {"vehicle_year"}),
        ({**FORM, "vehicle_interest": "steal"}, {"vehicle_interest"}),
        ({**FORM, "name": "x" * 121}, {"name"}),
        ({**FORM, "notes": "x" * 4001}, {"notes"}),
        ({**FORM, "consent_marketing": "perhaps"}, {"consent_marketing"}),
        ({**FORM, "name": 7}, {"name"}),
        ({**FORM, "is_admin": "yes"}, {"is_admin"}),
        ({**FORM, "name": "\u200b\u3164"}, {"name"}),
        ({**FORM, "email": "mia\u202e@visitors.example"}, {"email"}),
        ({**FORM, "email": "mia@visitors.example\u200b"}, {"email"}),
        ({"name": "\x00 ", "email": "x", "phone": "y"}, {"name", "email", "phone"}),
    ],
)
def test_wrong_fields_are_named_all_at_once_and_nothing_is_stored(
    cast: Cast, conversation_id: uuid.UUID, fields: dict[str, object], wrong: set[str]
) -> None:
    with pytest.raises(LeadInvalid) as caught:
        _save(cast, conversation_id, fields=fields)
    assert set(caught.value.fields) == wrong
    assert all(sentence.endswith(".") for sentence in caught.value.fields.values())
    _nothing_happened(conversation_id)


def test_control_characters_go_and_line_ends_stay_where_lines_are() -> None:
    tidy = clean({**FORM, "name": "Mia\r\nBcc: \x1b[2J Visitor", "notes": " a\r\nb\x08 "})
    assert tidy.name == "Mia Bcc: [2J Visitor"
    assert tidy.notes == "a\nb"


def test_every_field_of_the_forms_has_its_value() -> None:
    assert list(LeadValues.__struct_fields__) == [field.key for field in FIELDS]
    chosen = {field.key: field.choices[-1] for field in FIELDS if field.kind == "choice"}
    tidy = clean({**FORM, **chosen, "consent_marketing": "on"})
    assert {key: getattr(tidy, key) for key in chosen} == {
        "preferred_contact": "phone",
        "vehicle_interest": "test-drive",
        "vehicle_status": "used",
    }
    assert tidy.consent_marketing is True
    assert clean(FORM) == LeadValues(name=FORM["name"], email=FORM["email"], phone=FORM["phone"])


def test_only_car_dealers_are_asked_about_cars() -> None:
    assert len(fields_for("car_dealership")) == len(FIELDS)
    assert not any(field.key.startswith(("vehicle", "trade")) for field in fields_for("retail"))

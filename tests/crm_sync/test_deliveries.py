import datetime
import json
import uuid

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from chat.actions.leads import capture_offline
from crm_sync import excerpts, private_words
from crm_sync.actions import connections, deliveries, replays
from crm_sync.actions.deliveries import create_deliveries, send_due
from crm_sync.errors import NothingToReplay
from crm_sync.models import Attempt, Connection, Delivery
from tenants.actor import SYSTEM, Actor
from tenants.context import in_company
from tenants.models import AuditEvent, Company, OutboxEvent
from tests.cast import Cast
from tests.crm_sync import builders, doubles
from tests.crm_sync.doubles import HttpDouble
from tests.crm_sync.lead_desk import Desk
from tests.statements import written_after_audit

pytestmark = pytest.mark.django_db
State = Delivery.State


def test_a_captured_lead_is_delivered_once_with_its_attempt_kept(desk: Desk) -> None:
    delivery = desk.lead(notes="secret words")
    assert desk.send() == 1
    assert desk.send() == 0
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED
    assert (delivery.attempts_made, delivery.lease_id) == (1, None)
    assert desk.ids == [f"lead_{delivery.lead_id.hex}_r1"]
    attempt = delivery.attempts.get()
    assert (attempt.outcome, attempt.status, attempt.step) == ("success", 200, "upsert_lead")
    assert len(attempt.payload_hash) == 64
    assert attempt.request_id is None
    events = AuditEvent.objects.filter(target_id=delivery.lead_id).order_by("number")
    assert [event.verb for event in events] == ["lead.saved", "lead.delivered"]


def test_the_kept_excerpt_holds_nothing_a_person_wrote(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(200, b'{"echo":"mia@visitors.example, Mia, 030 1234567"}')]
    delivery = desk.lead(notes="secret words", phone="+49 30 1234567")
    desk.send()
    excerpt = delivery.attempts.get().excerpt
    for private in ("Mia", "mia@", "visitors.example", "secret", "1234567"):
        assert private not in excerpt
    assert json.loads(excerpt)["answer"] == '{"echo":"•••, •••, •••"}'
    with database.cursor() as cursor:
        cursor.execute("SELECT excerpt FROM crm_sync_attempt")
        assert cursor.fetchone()[0].startswith("t2:")


def test_of_a_lead_too_long_to_be_compared_the_log_keeps_no_answer_and_no_request_id(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_words, "MOST_CHARACTERS", 10)
    desk.crm.answers = [doubles.status(200, b"Hello Mia", X_Request_Id="for-mia")]
    delivery = desk.lead()
    desk.send()
    delivery.refresh_from_db()
    attempt = delivery.attempts.get()
    assert (delivery.state, attempt.request_id) == (State.DELIVERED, None)
    excerpt = json.loads(attempt.excerpt)
    assert (excerpt["answer"], excerpt["answer_headers"]) == (excerpts.NOT_KEPT, {})


def test_the_same_lead_makes_one_delivery_for_each_live_connection(desk: Desk) -> None:
    acme = desk.cast.acme
    second = builders.webhook(acme, desk.crm.url)
    builders.webhook(acme, desk.crm.url, active=False)
    lead_id = builders.captured(acme)
    made = create_deliveries(company=acme, lead_id=lead_id)
    assert set(made) == {desk.connection.pk, second.pk}
    assert create_deliveries(company=acme, lead_id=lead_id) == []
    assert set(Delivery.objects.values_list("connection", flat=True)) == {
        desk.connection.pk,
        second.pk,
    }


def test_a_lead_that_is_gone_makes_none(desk: Desk) -> None:
    assert create_deliveries(company=desk.cast.acme, lead_id=uuid.uuid4()) == []
    assert Delivery.objects.count() == 0


def test_a_paused_connection_holds_and_a_resumed_one_sends(desk: Desk) -> None:
    company, key = desk.cast.acme, desk.connection.pk
    waits = desk.lead()
    connections.pause(company=company, actor=SYSTEM, connection_id=key)
    comes = desk.lead()
    for delivery in (waits, comes):
        delivery.refresh_from_db()
        assert (delivery.state, delivery.hold) == (State.HELD, "paused")
    assert desk.send(after=100 * 3600) == 0
    assert desk.ids == []
    connections.activate(company=company, actor=SYSTEM, connection_id=key)
    assert desk.send() == 2


def test_health_information_waits_for_its_agreement(cast: Cast, crm: HttpDouble) -> None:
    assert cast.globex.vertical == Company.Vertical.HEALTH_CARE
    with in_company(cast.globex):
        connection = builders.webhook(cast.globex, crm.url)
        lead_id = builders.captured(cast.globex)
        create_deliveries(company=cast.globex, lead_id=lead_id)
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.hold) == (State.HELD, "baa_missing")
        assert send_due(company=cast.globex, connection_id=connection.pk) == 0
        assert crm.received == []
        connections.change(
            company=cast.globex,
            actor=SYSTEM,
            connection_id=connection.pk,
            name="Clinic",
            values={"url": crm.url},
            baa_reference="BAA 2026-11",
        )
        assert send_due(company=cast.globex, connection_id=connection.pk) == 1
        delivery.refresh_from_db()
        assert delivery.state == State.DELIVERED


def test_a_worker_that_died_leaves_a_trace_and_the_next_one_goes_on(desk: Desk) -> None:
    delivery = desk.lead()
    Delivery.objects.filter(pk=delivery.pk).update(
        state=State.IN_PROGRESS,
        lease_id=uuid.uuid4(),
        lease_until=desk.now + datetime.timedelta(seconds=30),
        attempts_made=1,
    )
    Attempt.objects.create(delivery=delivery, number=1, step="upsert_lead", started_at=desk.now)
    other = desk.lead()
    # While the lease lives, nobody else sends over the connection.
    assert desk.send(after=29) == 0
    assert desk.send(after=1) == 1
    other.refresh_from_db()
    delivery.refresh_from_db()
    assert other.state == State.DELIVERED
    assert delivery.state == State.RETRY_SCHEDULED
    died = delivery.attempts.get()
    assert (died.outcome, died.latency_ms) == ("ambiguous", None)
    assert desk.send(after=5) == 1
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED


def test_there_is_one_alarm_for_the_next_moment_and_none_when_all_is_done(desk: Desk) -> None:
    first = desk.lead()
    claim = deliveries._claim(desk.cast.acme, desk.connection.pk, lambda: desk.now, lambda: 0.5)
    assert claim is not None
    # The lease's end: it wakes the next worker if this one dies.
    lease_end = desk.now + datetime.timedelta(seconds=1 + 15)
    assert desk.alarms() == [lease_end]
    # Another worker leaves it as it is.
    assert desk.send() == 0
    assert desk.alarms() == [lease_end]
    assert desk.send(after=16) == 0
    first.refresh_from_db()
    assert desk.alarms() == [first.next_attempt_at]
    assert desk.send(after=5) == 1
    first.refresh_from_db()
    assert first.state == State.DELIVERED
    assert desk.alarms() == []


def test_the_newest_revision_goes_instead_of_an_older_one_that_waits(desk: Desk) -> None:
    first = desk.lead()
    Delivery.objects.create(
        connection=desk.connection,
        lead_id=first.lead_id,
        revision=2,
        created_at=desk.now,
        next_attempt_at=desk.now + datetime.timedelta(hours=1),
        give_up_at=desk.now + datetime.timedelta(hours=72),
    )
    assert desk.send() == 0
    first.refresh_from_db()
    assert (first.state, first.reason) == (State.CANCELLED, "A newer revision goes instead.")


def test_many_that_a_newer_revision_replaces_cost_as_many_queries_as_one(desk: Desk) -> None:
    counts = []
    for replaced in (1, 5):
        lead_id = uuid.uuid4()
        Delivery.objects.bulk_create(
            Delivery(
                connection=desk.connection,
                lead_id=lead_id,
                revision=revision,
                created_at=desk.now,
                next_attempt_at=desk.now + datetime.timedelta(hours=revision > replaced),
                give_up_at=desk.now + datetime.timedelta(hours=72),
            )
            for revision in range(1, replaced + 2)
        )
        with CaptureQueriesContext(database) as claim:
            assert desk.send() == 0
        counts.append(sum("crm_sync_delivery" in query["sql"] for query in claim))
        rows = Delivery.objects.filter(lead_id=lead_id).order_by("revision")
        assert [row.state for row in rows] == [*[State.CANCELLED] * replaced, State.PENDING]
    assert counts[0] == counts[1]


def test_an_erased_lead_is_told_and_sends_nothing(desk: Desk) -> None:
    delivery = desk.lead()
    with database.cursor() as cursor:
        cursor.execute("DELETE FROM chat_leadrevision")
    desk.send()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == (State.DEAD_LETTER, "The lead was erased.")
    assert desk.ids == []


def test_replay_of_a_selection_and_since_a_time_sends_the_same_ids(desk: Desk) -> None:
    company, actor = desk.cast.acme, Actor.person(desk.cast.olga)
    first, second = desk.lead(), desk.lead()
    desk.send()
    assert replays.replay(company=company, actor=actor, delivery_ids=[first.pk]) == 1
    desk.send(after=1)
    since = desk.now - datetime.timedelta(hours=1)
    assert (
        replays.replay_since(
            company=company, actor=actor, connection_id=desk.connection.pk, since=since
        )
        == 2
    )
    desk.send(after=1)
    assert sorted(desk.ids.count(f"lead_{d.lead_id.hex}_r1") for d in (first, second)) == [2, 3]
    audited = AuditEvent.objects.filter(verb="delivery.replayed").order_by("number")
    assert [(event.actor_id, event.facts["count"]) for event in audited] == [
        (desk.cast.olga.pk, 1),
        (desk.cast.olga.pk, 2),
    ]
    with pytest.raises(NothingToReplay):
        replays.replay(company=company, actor=actor, delivery_ids=[uuid.uuid4()])


def test_the_audit_log_is_written_last_for_its_lock_is_the_company_s(desk: Desk) -> None:
    builders.webhook(desk.cast.acme, desk.crm.url)
    delivery = desk.lead()
    with CaptureQueriesContext(database) as settled:
        desk.send()
    assert written_after_audit(settled) == []
    both = Delivery.objects.filter(lead_id=delivery.lead_id)
    both.update(state=State.DEAD_LETTER)
    with CaptureQueriesContext(database) as replayed:
        ids = list(both.values_list("pk", flat=True))
        replays.replay(company=desk.cast.acme, actor=SYSTEM, delivery_ids=ids)
    # One line for each connection, and nothing between them.
    assert written_after_audit(replayed) == ["tenants_auditevent"]


def test_what_one_company_does_the_other_never_sees(desk: Desk) -> None:
    cast = desk.cast
    delivery = desk.lead()
    with in_company(cast.initech):
        assert Delivery.objects.count() == Connection.objects.count() == 0
        with pytest.raises(NothingToReplay):
            replays.replay(company=cast.initech, actor=SYSTEM, delivery_ids=[delivery.pk])
        assert send_due(company=cast.initech, connection_id=desk.connection.pk) == 0
        assert create_deliveries(company=cast.initech, lead_id=delivery.lead_id) == []
    assert desk.ids == []


def test_the_same_form_twice_is_one_lead_and_one_outbox_row(desk: Desk) -> None:
    client_id, visitor_id = uuid.uuid4(), uuid.uuid4()
    saved = [
        capture_offline(
            company=desk.cast.acme,
            visitor_id=visitor_id,
            client_id=client_id,
            fields={"name": "Mia", "phone": "030 1234567"},
        )
        for _ in range(2)
    ]
    assert saved[0] == saved[1]
    assert OutboxEvent.objects.filter(topic="lead.captured").count() == 1

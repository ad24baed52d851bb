"""What becomes of a delivery when the CRM fails: waits, holds, the breaker, dead letters."""

import datetime

import pytest

from crm_sync import http
from crm_sync.actions import connections, replays
from crm_sync.connectors import by_http
from crm_sync.connectors.base import Result
from crm_sync.models import Connection, Delivery
from tenants.actor import SYSTEM
from tests.crm_sync import doubles
from tests.crm_sync.lead_desk import Desk

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (doubles.status(500), "retryable"),
        (doubles.garbage, "ambiguous"),
        (doubles.hang(3), "ambiguous"),
        (doubles.drip_headers, "ambiguous"),
    ],
)
def test_a_fault_is_retried_by_the_table_with_the_same_id(
    desk: Desk, answer: doubles.Answer, outcome: str
) -> None:
    desk.crm.answers = [answer, doubles.status(200)]
    delivery = desk.lead()
    assert desk.send() == 1
    delivery.refresh_from_db()
    assert delivery.state == State.RETRY_SCHEDULED
    assert delivery.next_attempt_at == desk.now + datetime.timedelta(seconds=5)
    assert delivery.attempts.get().outcome == outcome
    assert delivery.next_attempt_at in desk.alarms()
    assert desk.send(after=4) == 0
    assert desk.send(after=1) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts_made) == (State.DELIVERED, 2)
    assert len(set(desk.ids)) == 1


@pytest.mark.parametrize("answer", [doubles.drip_body, doubles.huge(100)])
def test_an_endless_body_after_a_success_is_a_success(desk: Desk, answer: doubles.Answer) -> None:
    desk.crm.answers = [answer]
    delivery = desk.lead()
    desk.send()
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED
    assert len(desk.ids) == 1


def test_a_wait_that_no_calendar_knows_costs_the_usual_wait(desk: Desk) -> None:
    endless = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
    desk.crm.answers = [doubles.status(429, Retry_After=endless), doubles.status(200)]
    delivery = desk.lead()
    assert desk.send() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.lease_id) == (State.RETRY_SCHEDULED, None)
    assert delivery.next_attempt_at == desk.now + datetime.timedelta(seconds=60)
    assert desk.send(after=60) == 1
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED


def test_a_connector_that_breaks_over_an_answer_has_failed_once_and_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.crm.answers = [doubles.status(200, b"Mia Visitor")]

    def breaks(answer: http.Answer) -> Result:
        raise ZeroDivisionError(answer.body.decode())

    delivery, other = desk.lead(), desk.lead()
    with monkeypatch.context() as broken:
        broken.setattr(by_http, "result_of_answer", breaks)
        assert desk.send() == 2
        trial = connections.send_test_lead(
            company=desk.cast.acme, actor=SYSTEM, connection_id=desk.connection.pk
        )
    assert trial.result.outcome == "ambiguous"
    for failed in (delivery, other):
        failed.refresh_from_db()
        assert (failed.state, failed.lease_id) == (State.RETRY_SCHEDULED, None)
        assert failed.reason == "The answer could not be understood."
        assert failed.attempts.get().outcome == "ambiguous"
    assert caplog.messages.count("webhook failed with ZeroDivisionError.") == 3
    assert "Mia" not in caplog.text
    assert desk.send(after=5) == 2
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED


def test_not_now_waits_as_asked_and_costs_no_attempt(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(429, Retry_After="120"), doubles.status(200)]
    first, second = desk.lead(), desk.lead()
    assert desk.send() == 1
    first.refresh_from_db()
    assert first.state == State.RETRY_SCHEDULED
    assert (first.attempts_made, first.attempts_counted) == (1, 0)
    assert first.next_attempt_at == desk.now + datetime.timedelta(seconds=120)
    # The other lead does not knock either.
    assert desk.send(after=119) == 0
    assert first.next_attempt_at in desk.alarms()
    assert desk.send(after=1) == 2
    second.refresh_from_db()
    assert second.state == State.DELIVERED


@pytest.mark.parametrize(("asked", "seconds"), [("0", 1), ("999999999", 86400)])
def test_however_long_it_asks_a_wait_is_a_second_at_least_and_a_day_at_most(
    desk: Desk, asked: str, seconds: int
) -> None:
    desk.crm.answers = [doubles.status(429, Retry_After=asked)]
    delivery = desk.lead()
    desk.send()
    delivery.refresh_from_db()
    assert delivery.next_attempt_at == desk.now + datetime.timedelta(seconds=seconds)


def test_a_redirect_into_the_network_is_not_followed_and_waits_for_a_person(desk: Desk) -> None:
    desk.crm.answers = [
        doubles.status(307, Location="http://169.254.169.254/"),
        doubles.status(200),
    ]
    delivery = desk.lead()
    desk.send()
    delivery.refresh_from_db()
    assert delivery.state == State.DEAD_LETTER
    assert delivery.reason == "The address redirects. Enter the address that it leads to."
    assert replays.replay(company=desk.cast.acme, actor=SYSTEM, delivery_ids=[delivery.pk]) == 1
    desk.send(after=1)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.replays) == (State.DELIVERED, 1)
    assert len(set(desk.ids)) == 1


def test_refused_credentials_hold_everything_until_a_person_helps(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(401), doubles.status(200)]
    first, second = desk.lead(), desk.lead()
    desk.send()
    for delivery in (first, second):
        delivery.refresh_from_db()
        assert (delivery.state, delivery.hold) == (State.HELD, "reauth_required")
    desk.connection.refresh_from_db()
    assert desk.connection.state == Connection.State.REAUTH_REQUIRED
    assert desk.send(after=3600) == 0
    assert len(desk.ids) == 1
    connections.activate(company=desk.cast.acme, actor=SYSTEM, connection_id=desk.connection.pk)
    assert desk.send() == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_gone_switches_the_connection_off_and_keeps_the_lead(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(410)]
    delivery = desk.lead()
    desk.send()
    delivery.refresh_from_db()
    desk.connection.refresh_from_db()
    assert desk.connection.state == Connection.State.DISABLED
    assert (delivery.state, delivery.hold) == (State.HELD, "disabled")
    later = desk.lead()
    assert (later.state, later.hold) == (State.HELD, "disabled")


def test_the_breaker_opens_probes_and_releases(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(500)]
    waiting = [desk.lead() for _ in range(7)]
    assert desk.send() == 5
    states = [(d.state, d.hold) for d in Delivery.objects.filter(connection=desk.connection)]
    assert states == [(State.HELD, "breaker_open")] * 7
    assert desk.now + datetime.timedelta(seconds=60) in desk.alarms()
    assert desk.send(after=59) == 0
    # One goes as a probe; the wait doubles.
    assert desk.send(after=1) == 1
    assert desk.send(after=119) == 0
    desk.crm.answers = [doubles.status(200)]
    assert desk.send(after=1) == 7
    for delivery in waiting:
        delivery.refresh_from_db()
        assert delivery.state == State.DELIVERED
    desk.connection.refresh_from_db()
    assert (desk.connection.failures, desk.connection.open_until) == (0, None)


def test_five_days_of_failures_switch_it_off_and_lose_nothing(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(500)]
    desk.lead()
    desk.send()
    last = desk.lead()
    # Both are young enough to be tried on.
    Delivery.objects.update(give_up_at=desk.now + datetime.timedelta(days=9))
    desk.send(after=5 * 86400)
    desk.connection.refresh_from_db()
    last.refresh_from_db()
    assert desk.connection.state == Connection.State.DISABLED
    assert desk.connection.state_reason == "It did not answer once in five days."
    assert (last.state, last.hold) == (State.HELD, "disabled")


def test_after_the_last_wait_it_is_a_dead_letter_with_its_reason(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(500)]
    delivery = desk.lead()
    Delivery.objects.filter(pk=delivery.pk).update(attempts_counted=10)
    desk.send()
    delivery.refresh_from_db()
    assert delivery.state == State.DEAD_LETTER
    assert delivery.reason == "Given up. The last time: The receiver answered 500."


def test_after_three_days_it_is_a_dead_letter(desk: Desk) -> None:
    desk.crm.answers = [doubles.status(500)]
    delivery = desk.lead()
    desk.send(after=72 * 3600)
    delivery.refresh_from_db()
    assert delivery.state == State.DEAD_LETTER

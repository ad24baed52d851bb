"""The audit log is append-only, without gaps, and a change of it is found."""

import datetime
import io
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from tenants import audit
from tenants.actor import SYSTEM, Actor
from tenants.audit_chain import Problem, digest_of, verify
from tenants.models import AuditEvent, Verb
from tenants.resolution import CompanyRef
from tests.cast import Cast


def write(company: CompanyRef | None, **facts: audit.Fact) -> None:
    audit.record(
        company_id=company.id if company else None,
        actor=SYSTEM,
        verb=Verb.SETTING_CHANGED,
        target_kind="setting",
        target_id="x",
        **facts,
    )


def head(company: CompanyRef) -> AuditEvent:
    return AuditEvent.objects.filter(company_id=company.id).latest("number")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tenants_auditevent SET verb = 'lead.read'",
        "UPDATE tenants_auditevent SET facts = '{}' WHERE number = 1",
        "DELETE FROM tenants_auditevent",
        "TRUNCATE tenants_auditevent",
        "TRUNCATE tenants_auditevent RESTART IDENTITY CASCADE",
    ],
)
def test_the_database_refuses_to_change_the_log(cast: Cast, statement: str) -> None:
    write(cast.acme)
    before = list(AuditEvent.objects.order_by("pk").values())
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert list(AuditEvent.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_a_writer_cannot_choose_number_or_digest(cast: Cast) -> None:
    audit.record(
        company_id=cast.acme.id,
        actor=SYSTEM,
        verb=Verb.LEAD_READ,
        target_kind="lead",
        target_id="0",
    )
    number = head(cast.acme).number
    AuditEvent.objects.create(
        company_id=cast.acme.id,
        number=99_999,
        digest="made up",
        at=datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        actor_kind="system",
        verb="lead.read",
        target_kind="lead",
        target_id="1",
    )
    event = head(cast.acme)
    assert event.number == number + 1
    assert event.digest == digest_of(event)


@pytest.mark.django_db
def test_the_digest_computed_here_is_the_database_s(cast: Cast) -> None:
    audit.record(
        company_id=cast.acme.id,
        actor=Actor.visitor(uuid.uuid4()),
        verb=Verb.LEAD_SAVED,
        target_kind="lead",
        target_id='quote " backslash \\ slash / tab \t é 😀 | ,',
        longer=1,
        b=True,
        aa=None,
        zz="ü\n\x01\x7f",
        negative=-(2**40),
    )
    event = head(cast.acme)
    assert event.digest == digest_of(event)
    assert verify(cast.acme.id).problems == ()


@pytest.mark.django_db
def test_chains_are_one_per_company_and_one_for_the_platform(cast: Cast) -> None:
    before = verify(cast.initech.id)
    start = verify(None).events
    write(cast.acme)
    write(None)
    write(None)
    assert verify(cast.initech.id) == before
    assert verify(None).events == start + 2
    assert verify(None).problems == ()


@pytest.mark.real_commits
def test_writers_at_once_leave_no_gap(cast: Cast) -> None:
    def writer(n: int) -> None:
        try:
            for k in range(10):
                with transaction.atomic():
                    write(cast.acme, n=n, k=k)
                    if (n + k) % 3 == 0:
                        transaction.set_rollback(True)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(writer, range(6)))

    kept = sum(1 for n in range(6) for k in range(10) if (n + k) % 3)
    numbers = AuditEvent.objects.filter(company_id=cast.acme.id).order_by("number")
    assert list(numbers.values_list("number", flat=True)) == list(range(1, kept + 1))
    assert verify(cast.acme.id).problems == ()


def tamper(statement: str, *parameters: object) -> None:
    """As only the owner of the table can: with the trigger switched off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_auditevent DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)  # type: ignore[arg-type]
        cursor.execute("ALTER TABLE tenants_auditevent ENABLE TRIGGER USER")


@pytest.mark.real_commits
@pytest.mark.parametrize(
    ("statement", "problems"),
    [
        (
            "UPDATE tenants_auditevent SET facts = '{\"n\": 9}' WHERE number = 2",
            [(2, "was changed")],
        ),
        (
            "UPDATE tenants_auditevent SET at = at + interval '1 s' WHERE number = 3",
            [(3, "was changed")],
        ),
        (
            "UPDATE tenants_auditevent SET digest = repeat('0', 64) WHERE number = 2",
            [(2, "was changed"), (3, "does not follow from the event before it")],
        ),
        (
            "DELETE FROM tenants_auditevent WHERE number = 2",
            [(3, "follows number 1: events are missing")],
        ),
        (
            "DELETE FROM tenants_auditevent WHERE number = 1",
            [(2, "follows number 0: events are missing")],
        ),
    ],
)
def test_a_change_behind_the_trigger_s_back_is_found(
    cast: Cast, statement: str, problems: list[tuple[int, str]]
) -> None:
    for n in range(4):
        write(cast.acme, n=n)
        write(cast.globex, n=n)
    tamper(f"{statement} AND company_id = %s", cast.acme.id)
    assert verify(cast.acme.id).problems == tuple(Problem(*one) for one in problems)
    assert verify(cast.globex.id).problems == ()

    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="The log of 1 of 4 chains does not hold"):
        call_command("verify_audit", all=True, stdout=out, stderr=err)
    assert err.getvalue().startswith(f"acme: event {problems[0][0]} {problems[0][1]}")


@pytest.mark.real_commits
def test_a_log_cut_off_or_written_anew_is_found_by_the_head_kept_elsewhere(cast: Cast) -> None:
    for n in range(4):
        write(cast.acme, n=n)
    kept = verify(cast.acme.id).head
    write(cast.acme, n=5)
    call_command("verify_audit", company="acme", expect=kept, stdout=io.StringIO())

    tamper("DELETE FROM tenants_auditevent WHERE number >= 4 AND company_id = %s", cast.acme.id)
    assert verify(cast.acme.id).problems == ()
    for n in range(10, 14):
        write(cast.acme, n=n)
    assert verify(cast.acme.id).problems == ()
    with pytest.raises(CommandError, match="does not hold"):
        call_command(
            "verify_audit", company="acme", expect=kept, stdout=io.StringIO(), stderr=io.StringIO()
        )


@pytest.mark.django_db
def test_an_event_of_a_transaction_that_fails_is_not_told(cast: Cast) -> None:
    before = verify(cast.acme.id).head
    try:
        with transaction.atomic():
            write(cast.acme)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert verify(cast.acme.id).head == before

"""Who belongs to a company: one role each, and always an owner."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tenants.actions.memberships import (
    AlreadyMember,
    LastOwner,
    add_member,
    change_role,
    end_membership,
    tell_all,
)
from tenants.actor import SYSTEM
from tenants.context import in_company
from tenants.errors import NotFound
from tenants.models import AuditEvent, Company, Membership, OutboxEvent, Role
from tenants.roles import role_in
from tests.cast import Cast


def live(cast: Cast) -> list[tuple[object, str]]:
    rows = Membership.objects.filter(company_id=cast.acme.id, ended_at__isnull=True)
    return sorted(rows.values_list("user__email", "role"))


@pytest.mark.django_db
def test_a_person_has_one_role_in_a_company(cast: Cast) -> None:
    before, told = live(cast), AuditEvent.objects.count()
    with pytest.raises(AlreadyMember):
        add_member(company=cast.acme, user=cast.ana, role=Role.ADMIN, actor=SYSTEM)
    assert live(cast) == before
    assert AuditEvent.objects.count() == told


@pytest.mark.django_db
def test_a_change_of_role_is_told_with_both_roles(cast: Cast) -> None:
    with in_company(cast.initech):
        change_role(company=cast.acme, user=cast.ana, role=Role.SUPERVISOR, actor=SYSTEM)
    assert role_in(cast.ana, cast.acme.id) == Role.SUPERVISOR
    assert role_in(cast.ana, cast.globex.id) == Role.AGENT
    event = AuditEvent.objects.filter(company_id=cast.acme.id).latest("number")
    assert (event.verb, event.facts) == (
        "member.changed",
        {"role": "supervisor", "before": "agent"},
    )


@pytest.mark.django_db
def test_a_membership_is_ended_and_may_begin_again(cast: Cast) -> None:
    end_membership(company=cast.acme, user=cast.ana, actor=SYSTEM)
    assert role_in(cast.ana, cast.acme.id) is None
    assert role_in(cast.ana, cast.globex.id) == Role.AGENT
    with pytest.raises(NotFound):
        end_membership(company=cast.acme, user=cast.ana, actor=SYSTEM)
    add_member(company=cast.acme, user=cast.ana, role=Role.AUDITOR, actor=SYSTEM)
    assert role_in(cast.ana, cast.acme.id) == Role.AUDITOR
    assert Membership.objects.filter(user=cast.ana, company_id=cast.acme.id).count() == 2


@pytest.mark.django_db
def test_a_stranger_to_the_company_cannot_be_changed_through_it(cast: Cast) -> None:
    with pytest.raises(NotFound):
        change_role(company=cast.acme, user=cast.ivan, role=Role.AGENT, actor=SYSTEM)
    with pytest.raises(NotFound):
        end_membership(company=cast.acme, user=cast.ivan, actor=SYSTEM)
    assert role_in(cast.ivan, cast.initech.id) == Role.OWNER


@pytest.mark.django_db
def test_the_last_owner_stays(cast: Cast) -> None:
    before = live(cast)
    with pytest.raises(LastOwner):
        change_role(company=cast.acme, user=cast.olga, role=Role.ADMIN, actor=SYSTEM)
    with pytest.raises(LastOwner):
        end_membership(company=cast.acme, user=cast.olga, actor=SYSTEM)
    assert live(cast) == before


@pytest.mark.django_db
def test_news_of_a_person_are_told_once_by_a_company_that_is_active(cast: Cast) -> None:
    def told() -> list[tuple[object, str]]:
        events = OutboxEvent.objects.filter(topic="access.changed")
        return list(events.values_list("company_id", "object_id"))

    Company.objects.filter(pk=cast.acme.id).update(state=Company.State.SUSPENDED)
    tell_all(user=cast.amir)
    assert told() == []
    tell_all(user=cast.ana)
    assert told() == [(cast.globex.id, str(cast.ana.pk))]


@pytest.mark.real_commits
def test_two_owners_who_leave_at_once_leave_one(cast: Cast) -> None:
    change_role(company=cast.acme, user=cast.amir, role=Role.OWNER, actor=SYSTEM)

    def leave(user: object) -> str:
        try:
            change_role(company=cast.acme, user=user, role=Role.AGENT, actor=SYSTEM)  # type: ignore[arg-type]
        except LastOwner:
            return "stays"
        finally:
            connection.close()
        return "leaves"

    try:
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(leave, [cast.olga, cast.amir])) == ["leaves", "stays"]
        assert [role for _, role in live(cast)].count("owner") == 1
    finally:
        memberships = Membership.objects.filter(company_id=cast.acme.id)
        memberships.filter(user=cast.olga).update(role=Role.OWNER)
        memberships.filter(user=cast.amir).update(role=Role.AGENT)

"""People of a company: invited by a link, given roles, removed."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tenants.actions import invitation_mail
from tenants.models import AuditEvent, Invitation, Membership, Role, User
from tenants.resolution import CompanyRef
from tests.cast import PASSWORD, Cast

pytestmark = pytest.mark.django_db

# The mail itself is looked at here; a real SMTP server gets it in test_invitation_mail.
EMAIL = "nils@people.example"


def invite(client: Client, email: str = EMAIL, role: str = "supervisor") -> str:
    """The path of the link in the e-mail."""
    answer = client.post("/admin/people/invite/", {"email": email, "role": role})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/people/")
    assert invitation_mail.send_due() == 1
    return link_of(str(mail.outbox[-1].body))


def link_of(body: str) -> str:
    found = re.search(r"http://acme\.localhost:8000(/invitations/[\w-]+/)", body)
    assert found, body
    return found[1]


def verbs(company: CompanyRef) -> list[str]:
    events = AuditEvent.objects.filter(company_id=company.id).order_by("number")
    return list(events.values_list("verb", flat=True))


def test_an_invited_person_joins_with_a_new_account(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    before = verbs(cast.acme)
    path = invite(client_for(cast.olga, cast.acme))
    assert mail.outbox[-1].to == [EMAIL]
    guest = client_for(None, cast.acme)
    page = guest.get(path)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    answer = guest.post(path, {"name": "Nils New", "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    user = User.objects.get(email=EMAIL)
    assert Membership.objects.get(user=user).role == Role.SUPERVISOR
    assert guest.get("/admin/").status_code == 200
    assert verbs(cast.acme) == [*before, "member.invited", "member.added", "person.signed_in"]


def test_a_link_works_once(cast: Cast, client_for: Callable[..., Client]) -> None:
    path = invite(client_for(cast.olga, cast.acme))
    client_for(None, cast.acme).post(path, {"name": "Nils", "password": PASSWORD})
    people = User.objects.count()
    again = client_for(None, cast.acme).post(path, {"name": "Eve", "password": PASSWORD})
    assert again.status_code == 404
    assert User.objects.count() == people


@pytest.mark.parametrize("end", ["withdrawn", "expired", "renewed", "other company"])
def test_a_dead_link_opens_nothing(cast: Cast, client_for: Callable[..., Client], end: str) -> None:
    owner = client_for(cast.olga, cast.acme)
    path = invite(owner)
    invitation = Invitation.objects.get()
    site = cast.acme
    if end == "withdrawn":
        owner.post(f"/admin/people/invitations/{invitation.pk}/", {"do": "withdraw"})
    elif end == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif end == "renewed":
        owner.post(f"/admin/people/invitations/{invitation.pk}/", {"do": "again"})
        # The old link is dead before the new one is on its way.
        assert client_for(None, site).get(path).status_code == 404
        assert invitation_mail.send_due() == 1
        assert link_of(str(mail.outbox[-1].body)) != path
    else:
        site = cast.initech
    people = User.objects.count(), Membership.objects.count()
    for answer in (
        client_for(None, site).get(path),
        client_for(None, site).post(path, {"name": "Nils", "password": PASSWORD}),
    ):
        assert answer.status_code == 404
    assert (User.objects.count(), Membership.objects.count()) == people


def test_somebody_with_an_account_signs_in_to_accept(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    path = invite(client_for(cast.olga, cast.acme), "gina@people.example", "auditor")
    # Nobody makes a second account, or a new password, for her.
    refused = client_for(None, cast.acme).post(path, {"name": "G", "password": PASSWORD * 2})
    assert b"You have an account with this address" in refused.content
    assert not Membership.objects.filter(user=cast.gina, company_id=cast.acme.id).exists()
    answer = client_for(cast.gina, cast.acme).post(path)
    assert answer.status_code == 302
    roles = Membership.objects.filter(user=cast.gina).values_list("company_id", "role")
    assert set(roles) == {(cast.globex.id, "owner"), (cast.acme.id, "auditor")}


def test_another_person_cannot_take_an_invitation(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    path = invite(client_for(cast.olga, cast.acme))
    answer = client_for(cast.ivan, cast.acme).post(path)
    assert answer.status_code == 403
    assert not Membership.objects.filter(user=cast.ivan, company_id=cast.acme.id).exists()
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize(
    "email", ["ana@people.example", "ANA@people.example", "no address", "new@peo\u200bple.example"]
)
def test_who_cannot_be_invited_gets_no_mail(
    cast: Cast, client_for: Callable[..., Client], email: str
) -> None:
    answer = client_for(cast.olga, cast.acme).post(
        "/admin/people/invite/", {"email": email, "role": "agent"}
    )
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["email"]
    assert (Invitation.objects.count(), mail.outbox) == (0, [])


def test_inviting_twice_is_refused_with_what_to_do(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    owner = client_for(cast.olga, cast.acme)
    invite(owner)
    answer = owner.post("/admin/people/invite/", {"email": EMAIL.upper(), "role": "agent"})
    assert "Send it again instead" in answer.content.decode()
    assert (invitation_mail.send_due(), len(mail.outbox)) == (0, 1)


def test_only_a_digest_of_the_link_is_kept(cast: Cast, client_for: Callable[..., Client]) -> None:
    secret = invite(client_for(cast.olga, cast.acme)).split("/")[2]
    assert secret not in str(Invitation.objects.values().get())


def test_a_role_is_changed_and_told(cast: Cast, client_for: Callable[..., Client]) -> None:
    client_for(cast.olga, cast.acme).post(f"/admin/people/{cast.amir.pk}/", {"role": "auditor"})
    assert Membership.objects.get(user=cast.amir).role == Role.AUDITOR
    assert verbs(cast.acme)[-1] == "member.changed"


def test_a_removed_member_is_out_at_once(cast: Cast, client_for: Callable[..., Client]) -> None:
    supervisor = client_for(cast.sara, cast.acme)
    assert supervisor.get("/admin/").status_code == 200
    client_for(cast.olga, cast.acme).post(f"/admin/people/{cast.sara.pk}/", {"do": "remove"})
    assert supervisor.get("/admin/").status_code == 404
    # Her other company is not touched.
    assert client_for(cast.sara, cast.globex).get("/admin/").status_code == 200


@pytest.mark.parametrize("data", [{"do": "remove"}, {"role": "agent"}])
def test_the_last_owner_stays(
    cast: Cast, client_for: Callable[..., Client], data: dict[str, str]
) -> None:
    owner = client_for(cast.olga, cast.acme)
    answer = owner.post(f"/admin/people/{cast.olga.pk}/", data, follow=True)
    assert b"keeps at least one owner" in answer.content
    assert Membership.objects.get(user=cast.olga).role == Role.OWNER


def test_people_of_another_company_are_out_of_reach(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    owner = client_for(cast.olga, cast.acme)
    for data in ({"do": "remove"}, {"role": "agent"}):
        assert owner.post(f"/admin/people/{cast.ivan.pk}/", data).status_code == 404
    assert Membership.objects.get(user=cast.ivan).role == Role.OWNER
    foreign = Invitation.objects.create(
        company_id=cast.initech.id,
        email=EMAIL,
        role=Role.AGENT,
        token_digest="x",
        invited_by=cast.ivan,
        expires_at=timezone.now() + timedelta(days=1),
    )
    for what in ("withdraw", "again"):
        answer = owner.post(f"/admin/people/invitations/{foreign.pk}/", {"do": what})
        assert answer.status_code == 404
    foreign.refresh_from_db()
    assert (foreign.withdrawn_at, foreign.token_digest, mail.outbox) == (None, "x", [])

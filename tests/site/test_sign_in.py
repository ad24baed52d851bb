"""Signing in and out, on both sites, and what the log tells of it."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from tenants.models import AuditEvent, Verb
from tests.cast import PASSWORD, Cast

pytestmark = pytest.mark.django_db


def post(client: Client, email: str, password: str = PASSWORD, **more: str) -> int:
    data = {"login": email, "password": password, **more}
    return client.post("/accounts/login/", data).status_code


def events(company_id: uuid.UUID | None) -> list[tuple[str, str]]:
    verbs = (Verb.SIGNED_IN, Verb.SIGN_IN_FAILED)
    found = AuditEvent.objects.filter(company_id=company_id, verb__in=verbs).order_by("number")
    return list(found.values_list("verb", "target_id"))


def test_a_person_signs_in_and_out_at_their_company(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(None, cast.acme)
    assert post(client, "OLGA@people.example", next="/admin/people/") == 302
    assert client.get("/admin/").status_code == 200
    assert events(cast.acme.id) == [("person.signed_in", str(cast.olga.pk))]
    client.post("/accounts/logout/")
    assert client.get("/admin/").status_code == 302


def test_at_the_platform_it_stands_in_the_platforms_log(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(None)
    assert post(client, "maya@people.example") == 200
    assert post(client, "ana@people.example") == 302
    assert b"Hello, Ana" in client.get("/").content
    assert events(None) == [("person.signed_in", str(cast.ana.pk))]
    assert events(cast.acme.id) == []


def test_a_wrong_password_is_told_and_names_nothing(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(None, cast.acme)
    assert post(client, "olga@people.example", "wrong password here") == 200
    assert "_auth_user_id" not in client.session
    assert events(cast.acme.id) == [("person.sign_in_failed", str(cast.olga.pk))]
    assert "wrong password here" not in str(list(AuditEvent.objects.values()))


def test_an_account_cannot_make_itself(client_for: Callable[..., Client], cast: Cast) -> None:
    answer = client_for(None).get("/accounts/signup/")
    assert b"Accounts come with a company" in answer.content


@pytest.mark.parametrize("path", ["login/", "password/reset/", "password/reset/done/", "logout/"])
def test_every_account_page_has_our_look(
    cast: Cast, client_for: Callable[..., Client], path: str
) -> None:
    who = cast.olga if path == "logout/" else None
    page = client_for(who, cast.acme).get(f"/accounts/{path}").content
    assert b"ui/controls.css" in page


@pytest.mark.parametrize("host", [f"{60 * 'ä'}.example", "xn--é.example", "people.ex\u200bample"])
def test_no_new_password_is_mailed_to_a_host_that_there_cannot_be(
    cast: Cast, client_for: Callable[..., Client], mailoutbox: list[object], host: str
) -> None:
    answer = client_for(None).post("/accounts/password/reset/", {"email": f"olga@{host}"})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["email"]
    assert mailoutbox == []

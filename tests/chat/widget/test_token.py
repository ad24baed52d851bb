"""The visitor's token and the cookie that renews it."""

import datetime
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core import signing
from django.test import Client, RequestFactory
from freezegun import freeze_time

from chat import limits, visitor_cookie, visitor_token
from chat.models import Visit, Visitor
from chat.visitor_token import BadToken
from tenants.context import in_company
from tests.cast import Cast

ClientFor = Callable[..., Client]
WEBSITE = "https://www.acme.example"
VISITOR, VISIT = uuid.uuid4(), uuid.uuid4()


def ask(client: Client, body: object = None, **headers: str) -> Any:
    return client.post(
        "/widget/token",
        json.dumps({"origin": WEBSITE} if body is None else body),
        content_type="application/json",
        headers={"Origin": "http://acme.localhost", **headers},
    )


def stored(cast: Cast) -> tuple[int, int]:
    with in_company(cast.acme):
        return Visitor.objects.count(), Visit.objects.count()


def test_a_token_says_who_and_where(cast: Cast) -> None:
    token = visitor_token.issue(cast.acme, VISITOR, VISIT, WEBSITE)
    read = visitor_token.read(cast.acme, token)
    assert (read.visitor_id, read.visit_id, read.origin) == (VISITOR, VISIT, WEBSITE)


def test_a_token_of_another_company_is_refused(cast: Cast) -> None:
    token = visitor_token.issue(cast.initech, VISITOR, VISIT, WEBSITE)
    with pytest.raises(BadToken) as refused:
        visitor_token.read(cast.acme, token)
    assert (refused.value.code, refused.value.close_code) == ("bad_token", 4401)


def test_a_token_ends_after_fifteen_minutes(cast: Cast) -> None:
    with freeze_time() as clock:
        token = visitor_token.issue(cast.acme, VISITOR, VISIT, WEBSITE)
        clock.tick(datetime.timedelta(minutes=14, seconds=59))
        visitor_token.read(cast.acme, token)
        clock.tick(datetime.timedelta(seconds=2))
        with pytest.raises(BadToken):
            visitor_token.read(cast.acme, token)


@pytest.mark.parametrize("forged", ["", "x", "a:b:c", "é:é:é", "." * 2000, "a\x00b"])
def test_what_is_no_token_is_refused(cast: Cast, forged: str) -> None:
    with pytest.raises(BadToken):
        visitor_token.read(cast.acme, forged)


def test_a_changed_token_and_one_for_another_purpose_are_refused(cast: Cast) -> None:
    token = visitor_token.issue(cast.acme, VISITOR, VISIT, WEBSITE)
    for changed in (token[:-1] + ("A" if token[-1] != "A" else "B"), "B" + token[1:]):
        with pytest.raises(BadToken):
            visitor_token.read(cast.acme, changed)
    with pytest.raises(BadToken):
        visitor_token.read(cast.acme, signing.dumps([VISITOR.hex, VISIT.hex, WEBSITE]))


@pytest.mark.django_db
def test_a_new_visitor_gets_a_token_and_a_partitioned_cookie(
    cast: Cast, client_for: ClientFor
) -> None:
    response = ask(client_for(None, cast.acme))
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    answer = response.json()
    token = visitor_token.read(cast.acme, answer["token"])
    assert answer["visitor"] == str(token.visitor_id)
    assert answer["expires_in"] == 900
    assert token.origin == WEBSITE
    cookie = response.cookies["__Host-visitor"]
    assert {name: cookie[name] for name in ("path", "samesite", "domain")} == {
        "path": "/",
        "samesite": "None",
        "domain": "",
    }
    assert cookie["secure"] is True
    assert cookie["httponly"] is True
    assert "; Partitioned" in cookie.OutputString()
    with in_company(cast.acme):
        visitor = Visitor.objects.get()
        assert visitor.secret_digest == hashlib.sha256(cookie.value.encode()).hexdigest()
        visit = Visit.objects.get()
        assert (visit.visitor_id, visit.origin) == (visitor.pk, WEBSITE)
    assert cookie.value not in response.content.decode()


@pytest.mark.django_db
def test_the_cookie_brings_the_same_visitor_and_visit_back(
    cast: Cast, client_for: ClientFor
) -> None:
    client = client_for(None, cast.acme)
    first, second = ask(client).json(), ask(client).json()
    assert first["visitor"] == second["visitor"]
    assert stored(cast) == (1, 1)


@pytest.mark.django_db
def test_who_comes_back_later_begins_another_visit(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(None, cast.acme)
    ask(client)
    with in_company(cast.acme):
        hour_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        Visitor.objects.update(last_seen_at=hour_ago)
    ask(client)
    assert stored(cast) == (1, 2)


@pytest.mark.django_db
def test_the_cookie_of_one_company_says_nothing_to_another(
    cast: Cast, client_for: ClientFor
) -> None:
    victim, attacker = client_for(None, cast.initech), client_for(None, cast.acme)
    response = victim.post(
        "/widget/token",
        json.dumps({"origin": "https://www.initech.example"}),
        content_type="application/json",
        headers={"Origin": "http://initech.localhost"},
    )
    attacker.cookies[visitor_cookie.NAME] = response.cookies[visitor_cookie.NAME].value
    assert ask(attacker).json()["visitor"] != response.json()["visitor"]
    with in_company(cast.initech):
        assert Visitor.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "headers", "code", "status"),
    [
        ({"origin": "https://copy.example"}, {}, "origin_not_allowed", 403),
        ({"origin": "https://www.initech.example"}, {}, "origin_not_allowed", 403),
        (None, {"Origin": "https://www.acme.example"}, "origin_refused", 403),
        (None, {"Origin": "http://initech.localhost"}, "origin_refused", 403),
        (None, {"Origin": "null"}, "origin_refused", 403),
        ({}, {}, "invalid", 422),
        ([], {}, "invalid", 422),
        ({"origin": 7}, {}, "invalid", 422),
        ({"origin": "not a website"}, {}, "invalid", 422),
    ],
)
def test_who_may_not_have_a_token_gets_none(
    cast: Cast,
    client_for: ClientFor,
    body: object,
    headers: dict[str, str],
    code: str,
    status: int,
) -> None:
    response = ask(client_for(None, cast.acme), body, **headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not response.cookies
    assert stored(cast) == (0, 0)


@pytest.mark.django_db
def test_broken_json_is_refused(cast: Cast, client_for: ClientFor) -> None:
    for data in (b"{", b"\xff\xfe", b""):
        response = client_for(None, cast.acme).post(
            "/widget/token",
            data,
            content_type="application/json",
            headers={"Origin": "http://acme.localhost"},
        )
        assert response.status_code == 422
    assert stored(cast) == (0, 0)


@pytest.mark.django_db
def test_one_address_cannot_make_visitors_without_end(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(None, cast.acme)
    for _ in range(120):
        limits.count_request(RequestFactory().get("/"), cast.acme, "token", limit=120, seconds=300)
    response = ask(client)
    assert (response.status_code, response.json()["code"]) == (429, "too_fast")
    assert int(response["Retry-After"]) > 0
    assert stored(cast) == (0, 0)


@pytest.mark.django_db
def test_a_url_never_carries_a_token(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(None, cast.acme)
    assert client.get("/widget/token").status_code == 405

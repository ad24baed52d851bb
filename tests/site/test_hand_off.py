"""The way from the platform site to a company's: once, within a minute, for members."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tenants.models import AuditEvent, HandOff, Membership, Verb
from tenants.resolution import CompanyRef
from tests.cast import Cast

pytestmark = pytest.mark.django_db
ORIGIN = "http://localhost:8000"


def token_for(client: Client, company: CompanyRef) -> str:
    answer = client.post(f"/companies/{company.slug}/open/")
    assert answer.status_code == 200
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    token: str = answer.context["token"]
    return token


def arrive(client: Client, token: str, origin: str | None = ORIGIN) -> int:
    headers = {"origin": origin} if origin else {}
    return client.post("/hand-off/", {"token": token}, headers=headers).status_code


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_token_signs_in_once(cast: Cast, client_for: Callable[..., Client]) -> None:
    token = token_for(client_for(cast.olga), cast.acme)
    first, second = client_for(None, cast.acme), client_for(None, cast.acme)
    assert arrive(first, token) == 302
    assert first.get("/admin/").status_code == 200
    assert arrive(second, token) == 403
    assert not signed_in(second)
    event = AuditEvent.objects.get(company_id=cast.acme.id, verb=Verb.SIGNED_IN)
    assert event.actor_id == cast.olga.pk


def test_a_token_of_one_company_opens_no_other(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    token = token_for(client_for(cast.sara), cast.acme)
    # Sara serves globex as well: the token, not she, is refused there.
    for other in (cast.globex, cast.initech):
        client = client_for(None, other)
        assert arrive(client, token) == 403
        assert not signed_in(client)
    assert arrive(client_for(None, cast.acme), token) == 302


def test_a_token_older_than_a_minute_is_gone(cast: Cast, client_for: Callable[..., Client]) -> None:
    token = token_for(client_for(cast.olga), cast.acme)
    assert HandOff.objects.get().expires_at <= timezone.now() + timedelta(seconds=60)
    HandOff.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    client = client_for(None, cast.acme)
    assert arrive(client, token) == 403
    assert not signed_in(client)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://globex.localhost"])
def test_only_the_platforms_page_may_post_it(
    cast: Cast, client_for: Callable[..., Client], origin: str | None
) -> None:
    token = token_for(client_for(cast.olga), cast.acme)
    client = client_for(None, cast.acme)
    assert arrive(client, token, origin) == 403
    assert not signed_in(client)
    # It was not used up by that.
    assert arrive(client, token) == 302


def test_outsiders_get_no_token(cast: Cast, client_for: Callable[..., Client]) -> None:
    for slug in ("initech", "nobody"):
        answer = client_for(cast.olga).post(f"/companies/{slug}/open/")
        assert answer.status_code == 404
    assert HandOff.objects.count() == 0


def test_who_left_meanwhile_does_not_arrive(cast: Cast, client_for: Callable[..., Client]) -> None:
    token = token_for(client_for(cast.audrey), cast.acme)
    Membership.objects.filter(user=cast.audrey).update(ended_at=timezone.now())
    client = client_for(None, cast.acme)
    assert arrive(client, token) == 404
    assert not signed_in(client)


def test_only_its_digest_is_kept(cast: Cast, client_for: Callable[..., Client]) -> None:
    token = token_for(client_for(cast.olga), cast.acme)
    assert token not in HandOff.objects.get().token_digest


def test_opening_needs_a_post(cast: Cast, client_for: Callable[..., Client]) -> None:
    assert client_for(cast.olga).get("/companies/acme/open/").status_code == 405
    assert client_for(None, cast.acme).get("/hand-off/").status_code == 405

"""Attacks by host names, cookies, tokens, cache keys and group names."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core import signing
from django.test import Client, RequestFactory

from chat import limits, visitor_token
from chat.live import groups
from tenants import resolution
from tenants.errors import TooFast
from tenants.models import Company, Domain, Membership, User
from tenants.resolution import CompanyRef, company_by_host
from tenants.roles import Permission, Role, allows, role_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db

ClientFor = Callable[..., Client]


# --- Host names -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "host",
    [
        "nobody.localhost",
        "acme.localhost.evil.example",
        "evil.example",
        "acme",
        "acme.localhost@evil.example",
        "acme.localhost/../globex.localhost",
        "acme.localhost:80:90",
        "acme.localhost evil",
        "x.acme.localhost",
        "ACME_.localhost",
        "127.0.0.1",
        "[::1]",
        "a" * 300 + ".localhost",
        "",
    ],
)
def test_an_unknown_host_gets_a_bare_404(cast: Cast, host: str) -> None:
    for path in ("/", "/admin/", "/accounts/login/", "/healthz", "/static/ui/base.css", "/nowhere"):
        response = Client(headers={"host": host}).get(path)
        assert response.status_code == 404
        assert response.content == b""


def test_a_forwarded_host_is_not_believed(cast: Cast) -> None:
    client = Client(headers={"host": "evil.example", "x-forwarded-host": "acme.localhost"})
    assert client.get("/healthz").status_code == 404
    client = Client(headers={"host": "acme.localhost", "x-forwarded-host": "initech.localhost"})
    response = client.get("/healthz")
    assert vars(response.wsgi_request)["company"] == cast.acme


@pytest.mark.parametrize("host", ["acme.localhost", "ACME.localhost:8000", "acme.localhost."])
def test_one_company_answers_to_the_spellings_of_its_host(cast: Cast, host: str) -> None:
    assert company_by_host(host) == cast.acme


def test_an_unknown_host_is_not_remembered(cast: Cast) -> None:
    assert company_by_host("new.localhost") is None
    Domain.objects.create(
        tenant=Company.objects.get(pk=cast.acme.id), domain="new.localhost", is_primary=False
    )
    assert company_by_host("new.localhost") == cast.acme
    for n in range(50):
        company_by_host(f"made-up-{n}.localhost")
    assert len(resolution._by_host) == 1


def test_a_suspended_company_s_host_is_an_unknown_host(cast: Cast) -> None:
    Company.objects.filter(pk=cast.acme.id).update(state=Company.State.SUSPENDED)
    resolution.forget(cast.acme.id)
    response = Client(headers={"host": "acme.localhost"}).get("/healthz")
    assert (response.status_code, response.content) == (404, b"")


def test_no_page_of_the_platform_stands_on_a_company_s_host(cast: Cast) -> None:
    client = Client(headers={"host": "acme.localhost"})
    for path in ("/sign-up/", "/companies/initech/open/", "/readyz"):
        assert client.get(path).status_code == 404


# --- Cookies and roles ----------------------------------------------------------------------------
def test_cookies_are_for_one_host_only() -> None:
    assert settings.SESSION_COOKIE_DOMAIN is None
    assert settings.CSRF_COOKIE_DOMAIN is None
    assert settings.SESSION_COOKIE_HTTPONLY


@pytest.mark.parametrize("path", ["/admin/", "/admin/people/", "/admin/audit/", "/admin/settings/"])
def test_a_cookie_of_one_company_opens_nothing_at_another(
    cast: Cast, client_for: ClientFor, path: str
) -> None:
    client = client_for(cast.olga, cast.acme)
    assert client.get(path).status_code == 200
    replayed = Client(headers={"host": "initech.localhost"})
    replayed.cookies = client.cookies
    response = replayed.get(path)
    assert response.status_code == 404
    assert b"Initech" not in response.content


def test_an_outsider_cannot_tell_a_company_from_none(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    assert client_for(cast.ana, cast.initech).get("/admin/").status_code == 404
    assert client_for(cast.otto, cast.acme).get("/admin/").status_code == 404
    assert client_for(cast.ana, cast.acme).get("/admin/").status_code == 403


def test_an_ended_membership_and_a_deactivated_person_give_no_role(cast: Cast) -> None:
    from django.utils import timezone

    Membership.objects.filter(user=cast.ana, company_id=cast.acme.id).update(
        ended_at=timezone.now()
    )
    assert role_in(cast.ana, cast.acme.id) is None
    assert role_in(cast.ana, cast.globex.id) == Role.AGENT
    User.objects.filter(pk=cast.ana.pk).update(is_active=False)
    assert role_in(cast.ana, cast.globex.id) is None


def test_what_each_role_may() -> None:
    allowed = {role: {p.value for p in Permission if allows(role, p)} for role in Role}
    everything = {p.value for p in Permission}
    assert allowed[Role.OWNER] == allowed[Role.ADMIN] == everything
    assert everything - allowed[Role.SUPERVISOR] == {
        "edit_branding",
        "edit_hours",
        "manage_people",
        "manage_connections",
        "export_reports",
        "view_audit",
    }
    assert allowed[Role.AGENT] == {"serve_chats"}
    assert allowed[Role.AUDITOR] == {
        "view_admin",
        "view_audit",
        "read_conversations",
        "view_reports",
    }
    assert not allows(None, Permission.SERVE_CHATS)


# --- Signed tokens --------------------------------------------------------------------------------
def test_a_visitor_s_token_of_one_company_is_nothing_at_another(cast: Cast) -> None:
    ids = uuid.uuid4(), uuid.uuid4()
    token = visitor_token.issue(cast.acme, *ids, "https://www.acme.example")
    assert visitor_token.read(cast.acme, token).visitor_id == ids[0]
    with pytest.raises(visitor_token.BadToken):
        visitor_token.read(cast.initech, token)


def test_a_value_signed_for_another_purpose_is_no_visitor_s_token(cast: Cast) -> None:
    payload: Any = [uuid.uuid4().hex, uuid.uuid4().hex, "https://www.acme.example"]
    for salt in ("", "visitor-token", f"hand-off:{cast.acme.id}", "django.core.signing"):
        with pytest.raises(visitor_token.BadToken):
            visitor_token.read(cast.acme, signing.dumps(payload, salt=salt))


# --- Names in Redis -------------------------------------------------------------------------------
def test_group_names_carry_the_company(cast: Cast) -> None:
    conversation = uuid.uuid4()
    for name in (groups.visitors_of, groups.desks_of):
        acme, initech = name(cast.acme.id, conversation), name(cast.initech.id, conversation)
        assert acme != initech
        assert acme.startswith(cast.acme.id.hex)
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", acme)


def test_counts_of_one_company_s_requests_do_not_slow_another_s(cast: Cast) -> None:
    request = RequestFactory().get("/")

    def ask(company: CompanyRef) -> None:
        limits.count_request(request, company, "token", limit=2, seconds=60)

    for _ in range(2):
        ask(cast.acme)
    with pytest.raises(TooFast):
        ask(cast.acme)
    ask(cast.initech)

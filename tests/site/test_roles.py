"""Default-deny: every address of both sites stands in a table, and the table is walked by all."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tenants.models import Role, User
from tenants.roles import Permission, allows
from tests.cast import Cast
from tests.site.walk import address, routes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

PUBLIC = "public"
SIGNED_IN = "signed in"
OPERATOR = "operator"
DESK = "desk"

# By the beginning of the route; the longest wins. The widget's own are public by design: they know
# the website's visitor, not a person who signs in.
COMPANY_SITE: dict[str, Permission | str] = {
    "healthz": PUBLIC,
    "accounts/": PUBLIC,
    "widget": PUBLIC,
    "hand-off/": PUBLIC,
    "invitations/<str:token>/": PUBLIC,
    "admin/checklist/": Permission.VIEW_ADMIN,
    "admin/jsi18n/": Permission.VIEW_ADMIN,
    "admin/branding/": Permission.EDIT_BRANDING,
    "admin/hours/": Permission.EDIT_HOURS,
    "admin/install/": Permission.EDIT_BRANDING,
    "admin/replies/": Permission.EDIT_REPLIES,
    "admin/chat/cannedreply/": Permission.EDIT_REPLIES,
    "admin/conversations/": Permission.READ_CONVERSATIONS,
    "admin/leads/": Permission.READ_LEADS,
    "admin/people/": Permission.MANAGE_PEOPLE,
    "admin/settings/": Permission.MANAGE_PEOPLE,
    "admin/audit/": Permission.VIEW_AUDIT,
    "admin/crm/": Permission.MANAGE_CONNECTIONS,
    "admin/reports/": Permission.VIEW_REPORTS,
    "admin/reports/traffic.csv": Permission.EXPORT_REPORTS,
}
COMPANY_SITE_EXACT: dict[str, Permission | str] = {
    "": PUBLIC,
    "admin/": Permission.VIEW_ADMIN,
    # It leads to the page of the reply, which asks for the rest.
    "admin/chat/cannedreply/<path:object_id>/": Permission.VIEW_ADMIN,
}

PLATFORM_SITE: dict[str, str] = {
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "accounts/": PUBLIC,
    "sign-up/": PUBLIC,
    "sign-up/progress/": SIGNED_IN,
    "sign-up/prepare/": SIGNED_IN,
    "companies/<slug:slug>/open/": SIGNED_IN,
    "admin/": OPERATOR,
    "desk/": DESK,
    # Exists on development machines only.
    "dev/": PUBLIC,
    "demo/": PUBLIC,
}
PLATFORM_SITE_EXACT = {"": PUBLIC}


def rule(route: str, exact: dict[str, object], begins: dict[str, object]) -> object:
    if route in exact:
        return exact[route]
    found = [beginning for beginning in begins if route.startswith(beginning)]
    assert found, f"{route} has no entry: say who may open it"
    return begins[max(found, key=len)]


def company_routes() -> list[tuple[str, Permission]]:
    table = [
        (route, rule(route, dict(COMPANY_SITE_EXACT), dict(COMPANY_SITE)))
        for route in routes("config.urls_company")
    ]
    return [(route, wanted) for route, wanted in table if isinstance(wanted, Permission)]


def platform_routes(wanted: str) -> list[str]:
    return [
        route
        for route in routes("config.urls_public")
        if rule(route, dict(PLATFORM_SITE_EXACT), dict(PLATFORM_SITE)) == wanted
    ]


def sends_to_sign_in(client: Client, route: str) -> bool:
    answer = client.get(address(route))
    return answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")


def test_every_address_of_both_sites_has_an_entry() -> None:
    assert len(company_routes()) > 20
    assert len(platform_routes(OPERATOR)) > 20


def test_no_entry_stands_for_nothing() -> None:
    for table, urlconf in (
        (COMPANY_SITE, "config.urls_company"),
        (PLATFORM_SITE, "config.urls_public"),
    ):
        known = list(routes(urlconf))
        for beginning in table:
            assert any(route.startswith(beginning) for route in known), beginning


def test_nobody_is_sent_to_sign_in_from_every_guarded_address(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    nobody = client_for(None, cast.acme)
    open_to_all = [route for route, _ in company_routes() if not sends_to_sign_in(nobody, route)]
    assert open_to_all == []
    nobody = client_for(None)
    guarded = platform_routes(OPERATOR) + platform_routes(SIGNED_IN)
    assert [route for route in guarded if not sends_to_sign_in(nobody, route)] == []


@pytest.mark.parametrize("who", ["ivan", "gina", "otto"])
def test_outsiders_learn_nothing_of_a_company(
    cast: Cast, client_for: Callable[..., Client], who: str
) -> None:
    """Owners of other companies, and the operator, who is nobody's member."""
    client = client_for(getattr(cast, who), cast.acme)
    answers = {route: client.get(address(route)).status_code for route, _ in company_routes()}
    assert {route: status for route, status in answers.items() if status != 404} == {}


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("olga", Role.OWNER),
        ("sara", Role.SUPERVISOR),
        ("ana", Role.AGENT),
        ("audrey", Role.AUDITOR),
    ],
)
def test_a_role_opens_what_its_permissions_say_and_nothing_else(
    cast: Cast, client_for: Callable[..., Client], who: str, role: Role
) -> None:
    client = client_for(getattr(cast, who), cast.acme)
    wrong = {}
    for route, permission in company_routes():
        status = client.get(address(route)).status_code
        # Of what does not exist, is only posted to or wants more, the permitted are told so.
        right = (200, 302, 404, 405, 422) if allows(role, permission) else (403,)
        if status not in right:
            wrong[route] = status
    assert wrong == {}


@pytest.mark.parametrize("who", ["olga", "ana", "audrey"])
def test_only_operators_open_the_operators_site(
    cast: Cast, client_for: Callable[..., Client], who: str
) -> None:
    client = client_for(getattr(cast, who))
    answers = {route: client.get(address(route)).status_code for route in platform_routes(OPERATOR)}
    assert {route: status for route, status in answers.items() if status != 404} == {}


def test_an_operator_opens_every_list_of_the_operators_site(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.otto)
    lists = [
        route for route in platform_routes(OPERATOR) if re.fullmatch(r"admin/(\w+/\w+/)?", route)
    ]
    assert len(lists) > 8
    answers = {route: client.get(address(route)).status_code for route in lists}
    assert {route: status for route, status in answers.items() if status != 200} == {}


def test_a_person_who_was_deactivated_opens_nothing(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.olga, cast.acme)
    assert client.get("/admin/").status_code == 200
    User.objects.filter(pk=cast.olga.pk).update(is_active=False)
    assert sends_to_sign_in(client, "admin/")


def test_a_session_of_one_company_is_nothing_at_another(
    cast: Cast, client_for: Callable[..., Client]
) -> None:
    client = client_for(cast.sara, cast.acme)
    assert client.get("/admin/").status_code == 200
    # Sara serves both; her cookie is bound to the host in browsers, and to her roles here.
    assert client.get("/admin/", headers={"host": "initech.localhost"}).status_code == 404


def test_pages_are_not_kept_by_browsers(cast: Cast, client_for: Callable[..., Client]) -> None:
    answer = client_for(cast.olga, cast.acme).get("/admin/people/")
    assert "no-store" in answer.headers["Cache-Control"]

"""The branding pages: who may use them, what they store, what they refuse."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chat.models import Branding
from tenants.context import in_company
from tenants.models import AuditEvent, Verb
from tests.cast import Cast
from tests.chat.branding.test_logo import picture

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
URL = "/admin/branding/"
FORM = {
    "name": "Acme",
    "colour": "#00a651",
    "greeting": "Hi there!",
    "launcher_label": "Ask us",
    "position": "start",
    "offline_message": "Back soon.",
    "outside_hours": "hide",
}


def stored(cast: Cast, company: str = "acme") -> dict[str, Any]:
    with in_company(getattr(cast, company)):
        return dict(Branding.objects.values().get())


def changes_of(cast: Cast) -> list[dict[str, Any]]:
    rows = AuditEvent.objects.filter(
        company_id=cast.acme.id, verb=Verb.SETTING_CHANGED, target_kind="branding"
    )
    return [row.facts for row in rows]


def test_an_owner_changes_the_look_and_the_log_tells_what_not_to_what(
    cast: Cast, client_for: ClientFor
) -> None:
    before = stored(cast, "initech")
    response = client_for(cast.olga, cast.acme).post(URL, FORM)
    assert (response.status_code, response["Location"]) == (302, URL)
    assert stored(cast).items() >= FORM.items()
    assert stored(cast, "initech") == before
    assert changes_of(cast) == [
        {"changed": "colour,greeting,launcher_label,name,offline_message,outside_hours,position"}
    ]


def test_of_a_first_change_nothing_is_left_out_of_the_log(
    cast: Cast, client_for: ClientFor
) -> None:
    with in_company(cast.acme):
        Branding.objects.all().delete()
    client_for(cast.olga, cast.acme).post(URL, FORM)
    (told,) = changes_of(cast)
    assert "name" in told["changed"].split(",")


def test_a_logo_is_stored_shown_and_removed(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.olga, cast.acme)
    logo = SimpleUploadedFile("l.png", picture(500, 500), "image/png")
    assert client.post(URL, {**FORM, "logo": logo}).status_code == 302
    digest = stored(cast)["logo_digest"]
    anonymous = client_for(None, cast.acme)
    response = anonymous.get(f"/widget/logo?v={digest[:16]}")
    assert hashlib.sha256(response.content).hexdigest() == digest
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client_for(None, cast.globex).get("/widget/logo").status_code == 404
    client.post(URL, FORM)
    assert stored(cast)["logo_digest"] == digest
    client.post(URL, {**FORM, "remove_logo": "on"})
    assert stored(cast)["logo_digest"] == ""
    assert anonymous.get("/widget/logo").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("colour", "red"),
        ("colour", "#FFF"),
        ("colour", "#12345g"),
        ("colour", "#123456;}"),
        ("name", ""),
        ("name", "x" * 61),
        ("greeting", ""),
        ("position", "top"),
        ("outside_hours", "shout"),
        ("logo", SimpleUploadedFile("l.svg", b"<svg/>", "image/png")),
    ],
)
def test_a_wrong_field_is_refused_and_nothing_changes(
    cast: Cast, client_for: ClientFor, field: str, value: object
) -> None:
    before = stored(cast)
    response = client_for(cast.olga, cast.acme).post(URL, {**FORM, field: value})
    assert response.status_code == 422
    assert b"field__error" in response.content
    assert stored(cast) == before
    assert changes_of(cast) == []


@pytest.mark.parametrize("path", [URL, f"{URL}colours?colour=%23123456", f"{URL}preview"])
@pytest.mark.parametrize(
    ("person", "status"),
    [("olga", 200), ("sara", 403), ("ana", 403), ("audrey", 403), ("ivan", 404), (None, 302)],
)
def test_only_those_who_may_edit_the_branding_see_its_pages(
    cast: Cast, client_for: ClientFor, path: str, person: str | None, status: int
) -> None:
    user = getattr(cast, person) if person else None
    assert client_for(user, cast.acme).get(path).status_code == status


def test_a_stranger_changes_nothing(cast: Cast, client_for: ClientFor) -> None:
    before = stored(cast)
    for person, status in ((cast.ivan, 404), (cast.ana, 403), (None, 302)):
        assert client_for(person, cast.acme).post(URL, FORM).status_code == status
    assert stored(cast) == before


def test_the_preview_may_be_framed_by_the_admin_site_alone(
    cast: Cast, client_for: ClientFor
) -> None:
    response = client_for(cast.olga, cast.acme).get(f"{URL}preview")
    assert "frame-ancestors 'self'" in response["Content-Security-Policy"]
    assert b'"preview": true' in response.content


def test_the_colours_are_told_with_what_was_changed(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.olga, cast.acme)
    answer = client.get(f"{URL}colours", {"colour": "#ffeb3b"}).json()
    assert answer["colours"]["on_fill"] == "#000000"
    assert len(answer["notices"]) == 2
    assert client.get(f"{URL}colours", {"colour": "red"}).status_code == 422

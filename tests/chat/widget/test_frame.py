"""`/widget/`: shown on the allowed website alone; any other is told what to do."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chat.actions import sightings
from chat.models import AllowedOrigin, Branding, Visit, Visitor, WidgetSighting
from tenants import resolution
from tenants.context import in_company
from tenants.models import Company
from tests.cast import Cast

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
WEBSITE = "https://www.acme.example"


@pytest.fixture(autouse=True)
def _nothing_noted() -> None:
    sightings.forget()


def policy(response: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in response["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def config_of(response: Any) -> dict[str, Any]:
    found = re.search(r'<script id="config"[^>]*>(.*?)</script>', response.content.decode())
    assert found is not None
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


def test_only_the_allowed_website_may_frame_it(cast: Cast, client_for: ClientFor) -> None:
    response = client_for(None, cast.acme).get("/widget/", {"origin": WEBSITE})
    assert response.status_code == 200
    rules = policy(response)
    assert rules["frame-ancestors"] == WEBSITE
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self' ws://acme.localhost"
    assert "X-Frame-Options" not in response
    assert "Set-Cookie" not in response


def test_the_frame_carries_the_company_and_nothing_of_another(
    cast: Cast, client_for: ClientFor
) -> None:
    with in_company(cast.acme):
        Branding.objects.update(greeting="Hi! <script>alert(1)</script>", colour="#ffeb3b")
    response = client_for(None, cast.acme).get("/widget/", {"origin": WEBSITE})
    config = config_of(response)
    assert config["company"] == "Acme Motors"
    assert config["greeting"] == "Hi! <script>alert(1)</script>"
    assert config["colours"]["on_fill"] == "#000000"
    assert config["opening"] == {"open": True, "opens_at": None, "closes_at": None}
    assert b"<script>alert" not in response.content
    assert b"Initech" not in response.content


@pytest.mark.parametrize(
    "origin",
    [
        "https://copy.example",
        "http://www.acme.example",
        "https://www.acme.example:8443",
        "https://www.acme.example.evil.example",
        "https://www.initech.example",
        "null",
        "javascript:alert(1)",
        "https://user@www.acme.example",
        "",
    ],
)
def test_another_website_is_refused_and_told_what_to_do(
    cast: Cast, client_for: ClientFor, origin: str
) -> None:
    response = client_for(None, cast.acme).get("/widget/", {"origin": origin})
    assert response.status_code == 403
    assert b"This chat is not switched on here" in response.content
    assert b'id="config"' not in response.content
    assert b"<script" not in response.content
    assert "Set-Cookie" not in response
    with in_company(cast.acme):
        assert not Visitor.objects.exists()
        assert not Visit.objects.exists()
        assert list(AllowedOrigin.objects.values_list("origin", flat=True)) == [WEBSITE]


def test_the_refused_website_is_named_and_noted(cast: Cast, client_for: ClientFor) -> None:
    response = client_for(None, cast.acme).get("/widget/", {"origin": "https://COPY.example:443/x"})
    assert b"<strong>https://copy.example</strong>" in response.content
    with in_company(cast.acme):
        assert WidgetSighting.objects.get().origin == "https://copy.example"


def test_in_health_care_mode_the_script_is_not_told_the_page(
    cast: Cast, client_for: ClientFor
) -> None:
    Company.objects.filter(pk=cast.globex.id).update(health_care_mode=True)
    resolution.forget()
    assert '"page": false' in client_for(None, cast.globex).get("/widget.js").content.decode()
    assert '"page": true' in client_for(None, cast.acme).get("/widget.js").content.decode()


def test_the_state_tells_open_or_closed(cast: Cast, client_for: ClientFor) -> None:
    response = client_for(None, cast.acme).get("/widget/state")
    assert response.json() == {"open": True, "opens_at": None, "closes_at": None}
    assert response["Cache-Control"] == "no-store"


def test_a_company_without_a_logo_has_none(cast: Cast, client_for: ClientFor) -> None:
    assert client_for(None, cast.acme).get("/widget/logo").status_code == 404

"""`/widget.js`: what it holds, how it is cached, what it notes."""

import datetime
from collections.abc import Callable

import brotli
import pytest
from django.test import Client

from chat.actions import sightings
from chat.models import AllowedOrigin, Branding, HoursException, WidgetSighting
from chat.queries import availability
from tenants.addresses import company_url
from tenants.context import in_company
from tests.cast import Cast

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
WEBSITE = "https://www.acme.example"


@pytest.fixture(autouse=True)
def _nothing_noted() -> None:
    sightings.forget()


def sighted(cast: Cast) -> list[str]:
    with in_company(cast.acme):
        return list(WidgetSighting.objects.order_by("origin").values_list("origin", flat=True))


def test_the_script_carries_the_settings_of_its_company(cast: Cast, client_for: ClientFor) -> None:
    with in_company(cast.acme):
        Branding.objects.update(launcher_label="Ask us", colour="#ffeb3b", position="start")
    body = client_for(None, cast.acme).get("/widget.js").content.decode()
    assert '"label": "Ask us"' in body
    assert '"fill": "#ffeb3b", "on": "#000000"' in body
    assert '"side": "left"' in body
    assert f'"origin": "{company_url("acme", "")}"' in body
    other = client_for(None, cast.globex).get("/widget.js").content.decode()
    assert '"label": "Chat with us"' in other
    assert "acme" not in other


@pytest.mark.parametrize("host", ["acme.localhost:6666", "ACME.localhost."])
def test_no_request_chooses_the_address_in_the_script(
    cast: Cast, client_for: ClientFor, host: str
) -> None:
    """The script is kept by caches: a wrong port of one request would be everybody's."""
    client = client_for(None, cast.acme)
    usual = client.get("/widget.js")
    assert company_url("acme", "") in usual.content.decode()
    odd = client.get("/widget.js", headers={"Host": host})
    assert (odd.status_code, odd.content, odd["ETag"]) == (200, usual.content, usual["ETag"])


def test_the_script_is_small(cast: Cast, client_for: ClientFor) -> None:
    body = client_for(None, cast.acme).get("/widget.js").content
    assert len(brotli.compress(body)) <= 5 * 1024


def test_the_script_is_kept_a_minute_and_then_asked_for_by_its_tag(
    cast: Cast, client_for: ClientFor
) -> None:
    client = client_for(None, cast.acme)
    response = client.get("/widget.js")
    assert response["Cache-Control"] == "public, max-age=60"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = client.get("/widget.js", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304
    with in_company(cast.acme):
        Branding.objects.update(launcher_label="Ask us")
    assert client.get("/widget.js", headers={"If-None-Match": response["ETag"]}).status_code == 200


def test_words_of_a_company_cannot_end_the_script(cast: Cast, client_for: ClientFor) -> None:
    with in_company(cast.acme):
        Branding.objects.update(launcher_label='";alert(1);//\u2028')
    body = client_for(None, cast.acme).get("/widget.js").content.decode()
    assert r'"label": "\";alert(1);//\u2028"' in body


def test_a_company_that_hides_outside_its_hours_hides_until_it_opens(
    cast: Cast, client_for: ClientFor
) -> None:
    client = client_for(None, cast.acme)
    with in_company(cast.acme):
        Branding.objects.update(outside_hours="hide")
    assert '"hidden": false' in client.get("/widget.js").content.decode()
    with in_company(cast.acme):
        today = datetime.datetime.now(datetime.UTC).date()
        for days in (-1, 0, 1):
            HoursException.objects.create(date=today + datetime.timedelta(days=days))
    availability.forget()
    body = client.get("/widget.js").content.decode()
    assert '"hidden": true' in body
    assert '"opens_in": null' not in body


def test_the_website_that_loads_it_is_noted(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(None, cast.acme)
    client.get("/widget.js", headers={"Referer": f"{WEBSITE}/cars?id=7"})
    assert sighted(cast) == [WEBSITE]
    with in_company(cast.initech):
        assert not WidgetSighting.objects.exists()


def test_a_website_that_is_not_allowed_is_noted_too(cast: Cast, client_for: ClientFor) -> None:
    client_for(None, cast.acme).get("/widget.js", headers={"Referer": "https://copy.example/"})
    assert sighted(cast) == ["https://copy.example"]


@pytest.mark.parametrize("told", [{}, {"Referer": "about:blank"}, {"Origin": "null"}])
def test_without_a_website_nothing_is_noted(
    cast: Cast, client_for: ClientFor, told: dict[str, str]
) -> None:
    assert client_for(None, cast.acme).get("/widget.js", headers=told).status_code == 200
    assert sighted(cast) == []


def test_a_website_is_noted_once_a_minute(cast: Cast) -> None:
    start = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC)
    with in_company(cast.acme):
        for seconds in (0, 30, 59, 60, 61):
            sightings.note(
                company=cast.acme,
                origin=WEBSITE,
                now=start + datetime.timedelta(seconds=seconds),
            )
        assert WidgetSighting.objects.get().last_seen_at == start + datetime.timedelta(seconds=60)


def test_within_a_minute_a_process_asks_nothing(
    cast: Cast, django_assert_num_queries: Callable[..., object]
) -> None:
    with in_company(cast.acme):
        sightings.note(company=cast.acme, origin=WEBSITE)
        with django_assert_num_queries(0):  # type: ignore[attr-defined]
            sightings.note(company=cast.acme, origin=WEBSITE)


def test_made_up_websites_keep_no_allowed_one_out(cast: Cast, client_for: ClientFor) -> None:
    """A stranger claims more websites than are kept; only then is the real one loaded."""
    with in_company(cast.initech):
        sightings.note(company=cast.initech, origin="https://first.example")
    stranger = client_for(None, cast.acme)
    made_up = [f"https://a{number}.evil.example" for number in range(110)]
    with in_company(cast.acme):
        sightings.note(company=cast.acme, origin=f"{WEBSITE}:8443")
        AllowedOrigin.objects.create(origin=f"{WEBSITE}:8443")
    for origin in made_up:
        stranger.get("/widget.js", headers={"Referer": f"{origin}/"})
    stranger.get("/widget.js", headers={"Referer": f"{WEBSITE}/"})
    # The oldest made room; what is allowed is not counted and stays.
    assert set(sighted(cast)) == {WEBSITE, f"{WEBSITE}:8443", *made_up[10:]}
    stranger.get("/widget.js", headers={"Referer": "https://last.example/"})
    assert set(sighted(cast)) == {
        WEBSITE,
        f"{WEBSITE}:8443",
        "https://last.example",
        *made_up[11:],
    }
    with in_company(cast.initech):
        assert WidgetSighting.objects.get().origin == "https://first.example"

"""The script and the frame's page are compressed on the line, as the visitor's browser accepts."""

import gzip
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from django.test import Client

from chat.models import Branding
from tenants.context import in_company
from tests.cast import Cast

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
FRAME = "/widget/?origin=https://www.acme.example"
BROWSER = "gzip, deflate, br, zstd"


def sent(client: Client, path: str, accepted: str, **headers: str) -> Any:
    return client.get(path, headers={"Accept-Encoding": accepted, **headers})


@pytest.mark.parametrize("path", ["/widget.js", FRAME])
def test_a_browser_gets_brotli_and_reads_what_was_written(
    cast: Cast, client_for: ClientFor, path: str
) -> None:
    client = client_for(None, cast.acme)
    plain = client.get(path)
    assert "Content-Encoding" not in plain
    response = sent(client, path, BROWSER)
    assert (response.status_code, response["Content-Encoding"]) == (200, "br")
    assert brotli.decompress(response.content) == plain.content
    assert int(response["Content-Length"]) == len(response.content) < len(plain.content) / 2
    assert response["Content-Type"] == plain["Content-Type"]
    assert "Accept-Encoding" in response["Vary"]
    assert "Accept-Encoding" in plain["Vary"]


def test_without_brotli_it_is_gzip(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(None, cast.acme)
    response = sent(client, "/widget.js", "deflate, gzip")
    assert response["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.content) == client.get("/widget.js").content


@pytest.mark.parametrize("accepted", ["", "identity", "br;q=0, gzip;q=0.000", "brotli", "*;q=0"])
def test_what_is_not_accepted_is_not_sent(cast: Cast, client_for: ClientFor, accepted: str) -> None:
    client = client_for(None, cast.acme)
    response = sent(client, "/widget.js", accepted)
    assert "Content-Encoding" not in response
    assert response.content == client.get("/widget.js").content


def test_a_weight_above_nothing_is_a_yes(cast: Cast, client_for: ClientFor) -> None:
    response = sent(client_for(None, cast.acme), "/widget.js", "gzip;q=1.0, BR; q=0.1")
    assert response["Content-Encoding"] == "br"


def test_every_form_has_its_own_tag_and_is_asked_for_by_it(
    cast: Cast, client_for: ClientFor
) -> None:
    client = client_for(None, cast.acme)
    tags = {
        coding: sent(client, "/widget.js", coding)["ETag"] for coding in ("identity", "gzip", "br")
    }
    assert len(set(tags.values())) == 3
    for coding, tag in tags.items():
        again = sent(client, "/widget.js", coding, **{"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert (again["ETag"], "Accept-Encoding" in again["Vary"]) == (tag, True)
    assert sent(client, "/widget.js", "br", **{"If-None-Match": tags["gzip"]}).status_code == 200
    with in_company(cast.acme):
        Branding.objects.update(launcher_label="Ask us")
    changed = sent(client, "/widget.js", "br", **{"If-None-Match": tags["br"]})
    assert changed.status_code == 200
    assert b'"label": "Ask us"' in brotli.decompress(changed.content)


def test_each_company_gets_its_own_compressed_script(cast: Cast, client_for: ClientFor) -> None:
    for _ in range(2):
        for company in (cast.acme, cast.globex):
            response = sent(client_for(None, company), "/widget.js", BROWSER)
            assert company.slug.encode() in brotli.decompress(response.content)

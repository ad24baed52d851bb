"""The made-up business website: development only, under the strictest policy the chat works in."""

from collections.abc import Callable

import pytest
from django.test import Client, override_settings

from tests.cast import Cast

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


def test_it_carries_the_one_line_and_trusts_the_company_host_alone(
    cast: Cast, client_for: ClientFor
) -> None:
    response = client_for(None).get("/demo/acme/")
    assert b'<script async src="http://acme.localhost:8000/widget.js"></script>' in response.content
    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src http://acme.localhost:8000; frame-src http://acme.localhost:8000; " in policy


def test_each_company_has_the_page_of_its_own_business(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(None)
    assert b"The right car" in client.get("/demo/acme/").content
    assert b"Dentistry" in client.get("/demo/globex/").content
    assert b"workbench" in client.get("/demo/initech/").content


def test_a_company_that_is_not_there_has_none(cast: Cast, client_for: ClientFor) -> None:
    assert client_for(None).get("/demo/nobody/").status_code == 404
    assert client_for(None, cast.acme).get("/demo/acme/").status_code == 404


@override_settings(IS_DEVELOPMENT=False)
def test_production_has_none(cast: Cast, client_for: ClientFor) -> None:
    assert client_for(None).get("/demo/acme/").status_code == 404

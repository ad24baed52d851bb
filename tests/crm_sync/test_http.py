import time
from typing import Any

import pytest
from pytest_django import Settings

from crm_sync import addresses, http
from crm_sync.connectors import by_http
from crm_sync.connectors.base import Outgoing
from crm_sync.errors import AddressRefused
from tests.crm_sync import doubles
from tests.crm_sync.doubles import HttpDouble


def _post(url: str, seconds: float = 1.0) -> http.Answer:
    return http.post(url, body=b"{}", headers={}, deadline_seconds=seconds)


def test_an_answer_comes_back_whole(crm: HttpDouble) -> None:
    crm.answers = [doubles.status(202, b"taken", X_Request_Id="r-1")]
    answer = _post(crm.url)
    assert (answer.status, answer.body, answer.cut) == (202, b"taken", False)
    assert answer.headers["x-request-id"] == "r-1"
    assert crm.received[0].body == b"{}"


def test_a_redirect_is_an_answer_and_is_not_followed(crm: HttpDouble) -> None:
    crm.answers = [doubles.status(302, Location="http://169.254.169.254/latest/meta-data/")]
    assert _post(crm.url).status == 302
    assert len(crm.received) == 1


def test_loopback_is_refused_where_it_is_not_allowed(crm: HttpDouble, settings: Settings) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    with pytest.raises(AddressRefused):
        _post(crm.url)
    with pytest.raises(AddressRefused):
        _post(crm.url.replace("http:", "https:"))
    assert crm.received == []


def test_a_name_that_leads_to_a_private_address_is_refused_when_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "_resolve", lambda host, port: ["10.0.0.1"])
    with pytest.raises(AddressRefused):
        _post("https://innocent.example/")


@pytest.mark.usefixtures("crm")
def test_nobody_at_the_port_means_that_nothing_was_sent() -> None:
    with doubles.nobody() as url, pytest.raises(http.NoAnswer) as caught:
        _post(url)
    assert caught.value.sent is False


@pytest.mark.parametrize("answer", [doubles.hang(3), doubles.drip_headers])
def test_silence_and_dripping_end_at_the_deadline(crm: HttpDouble, answer: Any) -> None:
    crm.answers = [answer]
    started = time.monotonic()
    with pytest.raises(http.NoAnswer) as caught:
        _post(crm.url, 0.5)
    assert 0.4 < time.monotonic() - started < 1.0
    assert caught.value.sent is True


def test_a_body_that_drips_is_left_at_the_deadline_and_the_status_stands(crm: HttpDouble) -> None:
    crm.answers = [doubles.drip_body]
    started = time.monotonic()
    answer = _post(crm.url, 0.5)
    assert (answer.status, answer.cut) == (200, True)
    assert time.monotonic() - started < 1.0


def test_of_a_huge_body_only_the_beginning_is_taken(crm: HttpDouble) -> None:
    crm.answers = [doubles.huge(100)]
    answer = _post(crm.url, 5.0)
    assert (answer.status, len(answer.body), answer.cut) == (200, http.BODY_CAP, True)
    assert crm.sent < 20 << 20


def test_garbage_is_no_answer_but_may_have_arrived(crm: HttpDouble) -> None:
    crm.answers = [doubles.garbage]
    with pytest.raises(http.NoAnswer) as caught:
        _post(crm.url)
    assert caught.value.sent is True


def test_proxies_of_the_environment_are_not_used(
    crm: HttpDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert _post(crm.url).status == 200


@pytest.mark.parametrize("charset", ["iso-8859-1", '"Windows-1252"', "utf-16", "nonsense", "hex"])
def test_an_answer_is_read_in_the_charset_that_it_declares(crm: HttpDouble, charset: str) -> None:
    known = charset.strip('"') if charset not in ("nonsense", "hex") else "utf-8"
    kind = f"text/plain; charset={charset}"
    crm.answers = [doubles.status(200, "Zoë Müller".encode(known), Content_Type=kind)]
    incoming, _ = by_http.post(Outgoing(crm.url, {}, b"{}"), 1.0)
    assert incoming.text == "Zoë Müller"

import ipaddress

import pytest

from crm_sync.addresses import check_address, check_url, public_address
from crm_sync.errors import AddressRefused

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.5.5",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_every_private_address_is_refused_in_every_disguise(address: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(ipaddress.ip_address(address), allow_loopback=False)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1"])
def test_public_addresses_pass(address: str) -> None:
    check_address(ipaddress.ip_address(address), allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "https://user:secret@hooks.example/",
        "https://hooks.example:22/",
        "https://hooks.example:99999/",
        "https://",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://hooks.example/\r\nX-Evil: 1",
        "//hooks.example/",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_url_that_could_reach_inside_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, allow_loopback=False)


@pytest.mark.parametrize("url", ["https://hooks.example/a?b=c", "https://hooks.example:8443/"])
def test_public_https_passes(url: str) -> None:
    check_url(url, allow_loopback=False)


def test_loopback_passes_only_where_it_is_allowed() -> None:
    check_url("http://127.0.0.1:9000/", allow_loopback=True)
    check_url("http://acme.localhost:9000/", allow_loopback=True)
    for url in ("http://127.0.0.1:9000/", "https://127.0.0.1:9000/"):
        with pytest.raises(AddressRefused):
            check_url(url, allow_loopback=False)
    with pytest.raises(AddressRefused):
        check_url("http://10.0.0.1/", allow_loopback=True)


def test_one_private_answer_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(AddressRefused):
        public_address(
            "rebind.example",
            443,
            allow_loopback=False,
            resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"],
        )


def test_the_address_that_was_checked_is_the_one_that_is_used() -> None:
    answers = iter([["93.184.216.34"], ["10.0.0.1"]])
    first = public_address(
        "rebind.example", 443, allow_loopback=False, resolve=lambda host, port: next(answers)
    )
    assert first == "93.184.216.34"

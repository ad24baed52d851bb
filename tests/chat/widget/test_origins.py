"""Websites as people and browsers write them."""

import pytest

from chat import origins
from tenants.errors import Invalid


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://www.acme.example", "https://www.acme.example"),
        (" HTTPS://WWW.Acme.Example/cars?x=1#y ", "https://www.acme.example"),
        ("www.acme.example", "https://www.acme.example"),
        ("https://acme.example:443", "https://acme.example"),
        ("http://acme.example:80/", "http://acme.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("http://[2001:DB8:0::1]/", "http://[2001:db8::1]"),
        ("http://192.0.2.7:8000", "http://192.0.2.7:8000"),
        ("https://7.acme-cars.example", "https://7.acme-cars.example"),
    ],
)
def test_an_address_is_brought_to_its_origin(written: str, origin: str) -> None:
    assert origins.normalise(written) == origin
    assert origins.normalise(origin) == origin


@pytest.mark.parametrize(
    "written",
    [
        "",
        "https://",
        "null",
        "ftp://acme.example",
        "javascript:alert(1)",
        "https://user:secret@acme.example",
        "https://acme.example:port",
        "https://acme.example:99999",
        "https://*.acme.example",
        "https://acme.example; script-src *",
        "https://ac me.example",
        "https://acme.example\nX-Header: 1",
        "https://" + "a" * 300 + ".example",
        "data:text/html,x",
        "https://[v1.a:;script-src *]",
        "https://[v1.acme.example]",
        "https://[::1%25eth0;script-src *]",
        "https://[::1%eth0]",
        "https://[",
        "https://a]b/",
        "http://a\u2100b/",
        "https://192.0.2.777",
        "https://7.7",
        "https://acme..example",
        "https://-acme.example",
        "https://acme-.example",
        "https://" + "a" * 64 + ".example",
        "https://.",
    ],
)
def test_what_is_no_website_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(Invalid, match=r"https://www\.example\.com"):
        origins.normalise(written)

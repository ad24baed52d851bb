"""Websites as origins: `scheme://host` with the port only where it is not the scheme's own."""

import ipaddress
import re
import urllib.parse

import idna

from tenants.errors import Invalid

_OWN_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def normalise(address: str) -> str:
    """The origin (RFC 6454) of an address that a person or a browser wrote.

    The scheme may be left out and is https then; path and query are dropped; the host is lower-case
    ASCII. Raises Invalid with what to write instead.
    """
    text = address.strip()
    if "://" not in text:
        # A bare word is no website; "null" is what a browser says for a page without one.
        if "." not in text and not text.startswith("localhost"):
            raise Invalid(_HELP)
        text = f"https://{text}"
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
        host = _ascii_host(parts.hostname or "", in_brackets="[" in parts.netloc)
    except (ValueError, idna.IDNAError):
        raise Invalid(_HELP) from None
    if parts.scheme not in _OWN_PORTS or not host or "@" in parts.netloc:
        raise Invalid(_HELP)
    shown_port = "" if port in (None, _OWN_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


_HELP = "Write the website as https://www.example.com, without a path."


def web_address(text: str) -> urllib.parse.SplitResult | None:
    """The parts of a page's address, None for what is no http or https address of a host."""
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return None
    return parts if parts.scheme in _OWN_PORTS and parts.netloc else None


def page_address(text: str) -> str:
    """The address of a page as a browser tells it, '' for what is none of the web's."""
    return text if web_address(text) else ""


def _ascii_host(host: str, *, in_brackets: bool) -> str:
    """The host in lower-case ASCII; it goes into a content security policy as it is returned."""
    if in_brackets:
        # RFC 3986 also knows versions to come and, with RFC 6874, zones: no website has these.
        if "%" in host:
            raise ValueError(host)
        return f"[{ipaddress.IPv6Address(host)}]"
    if any(ord(character) > 127 for character in host):
        host = idna.encode(host, uts46=True).decode()
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(host)
    if labels[-1].isdecimal():
        ipaddress.IPv4Address(host)
    return host

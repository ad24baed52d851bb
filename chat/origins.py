"""Websites as origins: `scheme://host` with the port only where it is not the scheme's own."""

import urllib.parse

import idna

from tenants.errors import Invalid

_OWN_PORTS = {"http": 80, "https": 443}


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
        host = _ascii_host(parts.hostname or "")
    except (ValueError, idna.IDNAError):
        raise Invalid(_HELP) from None
    if parts.scheme not in _OWN_PORTS or not host or "@" in parts.netloc:
        raise Invalid(_HELP)
    shown_port = "" if port in (None, _OWN_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


_HELP = "Write the website as https://www.example.com, without a path."


def _ascii_host(host: str) -> str:
    if ":" in host:
        # An IPv6 address keeps the brackets that urlsplit took away.
        return f"[{host}]"
    if any(ord(character) > 127 for character in host):
        host = idna.encode(host, uts46=True).decode()
    allowed = "abcdefghijklmnopqrstuvwxyz0123456789-."
    if len(host) > 253 or any(character not in allowed for character in host):
        raise ValueError(host)
    return host

"""Which addresses the product may connect to on a company's behalf (they type the URL)."""

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from crm_sync.errors import AddressRefused

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

# NAT64 (RFC 6052) wraps any IPv4 address, a private one too.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOWEST_OTHER_PORT = 1024


def check_url(url: str, *, allow_loopback: bool) -> None:
    """Refuse a URL that could never be sent to, before anything is resolved.

    https on port 443 or above 1023, no user name in it; `allow_loopback` lets http reach this
    machine. Raises AddressRefused.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressRefused("This is not a web address.") from None
    if not host or any(character.isspace() or not character.isprintable() for character in url):
        raise AddressRefused("This is not a web address.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("Leave user name and password out of the address.")
    if parts.scheme == "http" and allow_loopback and _may_be_loopback(host):
        return
    if parts.scheme != "https":
        raise AddressRefused("Use an address that begins with https://.")
    if port not in (None, 443) and port < _LOWEST_OTHER_PORT:
        raise AddressRefused("Use port 443, or one above 1023.")
    try:
        check_address(ipaddress.ip_address(host), allow_loopback=allow_loopback)
    except ValueError:
        return


def check_address(address: IPAddress, *, allow_loopback: bool) -> None:
    """Refuse every address that is not a public one. Raises AddressRefused."""
    inner = _unwrapped(address)
    if inner.is_loopback and allow_loopback:
        return
    if not inner.is_global or inner.is_multicast or inner.is_reserved:
        raise AddressRefused("This address belongs to a private network.")


def public_address(
    host: str, port: int, *, allow_loopback: bool, resolve: Resolve | None = None
) -> str:
    """The address to connect to. One private address among a name's answers refuses the name.

    Raises AddressRefused, and OSError where the name does not resolve.
    """
    found = (resolve or _resolve)(host, port)
    if not found:
        raise OSError("The name has no address.")
    for text in found:
        check_address(ipaddress.ip_address(text.partition("%")[0]), allow_loopback=allow_loopback)
    return found[0]


def _resolve(host: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # IPv4 first: a server without a route to IPv6 would wait in vain.
    return [str(answer[4][0]) for answer in sorted(answers, key=lambda a: a[0] != socket.AF_INET)]


def _unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one that only carries it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _may_be_loopback(host: str) -> bool:
    """Names of this machine by RFC 6761; the address behind them is checked all the same."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

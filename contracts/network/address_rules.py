"""SSRF protection: which URLs and network addresses the service may connect to. Pure.

The spelling of a URL proves nothing: what counts is the resolved network address, and the connection goes to exactly
that address (api/outbound/guarded_network.py, ingest/sources/network/pinned.py).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, unquote, urljoin

import idna

from contracts.errors import ImportRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_MAX = 2048
_NAME_MAX = 255
_HOST_MAX = 253
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::([0-9]{0,5}))?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1024  # lower ports are system services: mail, ssh, DNS
_KEPT_IN_TARGET = "!$%&'()*+,/:;=?@[]|~"

# IANA's special-purpose addresses, never those of a public host; and one that a cloud keeps for itself.
_CLOSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared behind a carrier's NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the wire server of Azure, which gives its machines settings and certificates
        "169.254.0.0/16",  # link-local, cloud metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All public IPv6 addresses; excludes loopback, unique local, link-local, site-local, multicast, IPv4-compatible and
# local NAT64 addresses.
_GLOBAL_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A parsed URL. host: lower-case ASCII, without the brackets of IPv6. target: path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port for the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def name(self) -> str | None:
        """The last segment of the path as a display name, None when empty."""
        last = unquote(self.target.partition("?")[0].rpartition("/")[2], errors="replace")
        return "".join(char for char in last if char.isprintable()).strip()[:_NAME_MAX] or None


def parse(url: str) -> ParsedUrl:
    """Parse a URL. Raises ImportRefused with the reason."""
    if len(url) > URL_MAX:
        raise ImportRefused(f"the url is longer than {URL_MAX} characters: give a shorter one")
    if any(char in " \\" or not char.isprintable() for char in url):
        raise ImportRefused("the url contains blanks, backslashes or control characters: percent-encode them")
    whole = _URL.fullmatch(url)
    if whole is None:
        raise ImportRefused("the url must start with http:// or https://")
    scheme, authority, path, query = whole[1].lower(), whole[2], whole[3], whole[4] or ""
    if "@" in authority:
        raise ImportRefused("the url contains a user name: give one that works without user and password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ImportRefused("the url has no valid host")
    return ParsedUrl(
        scheme, host_of(parts[1]), _port(scheme, parts[2]), quote((path or "/") + query, safe=_KEPT_IN_TARGET)
    )


def redirected(place: ParsedUrl, location: str) -> ParsedUrl:
    """The target of a redirect. Raises ImportRefused."""
    try:
        after = parse(urljoin(f"{place.scheme}://{place.authority}{place.target}", location))
    except ValueError:
        raise ImportRefused("the address redirects to an invalid url") from None
    except ImportRefused as error:
        raise ImportRefused(f"after a redirect: {error.detail}") from error
    if (place.scheme, after.scheme) == ("https", "http"):
        raise ImportRefused("the address redirects from https to http: give one that stays encrypted")
    return after


def is_listed(address: Address, networks: tuple[Network, ...]) -> bool:
    """Whether it is in one of the networks."""
    return any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether it is a public internet address."""
    address = translated(address)
    if isinstance(address, IPv4Address):
        return not is_listed(address, _CLOSED_V4)
    return address in _GLOBAL_V6 and not is_listed(address, _CLOSED_V6)


def translated(address: Address) -> Address:
    """The IPv4 address that a NAT64 gateway would connect to, any other address unchanged."""
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address


def read_address(text: str) -> Address:
    """Parse a network address; IPv4-mapped IPv6 becomes IPv4. Raises ValueError."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def host_of(text: str) -> str:
    """The host of a URL: lower-case ASCII, without the brackets of IPv6. Raises ImportRefused."""
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise ImportRefused("the url has an invalid IPv6 address") from None
    try:
        host = text if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
    except UnicodeError:
        raise ImportRefused("the url has an invalid host name") from None
    host = host.removesuffix(".").lower()
    if len(host) > _HOST_MAX or not _HOST.fullmatch(host):
        raise ImportRefused("the url has an invalid host name")
    return host


def _port(scheme: str, text: str | None) -> int:
    port = int(text) if text else _PORTS[scheme]
    if port not in _PORTS.values() and not _FIRST_FREE_PORT <= port <= 65535:
        raise ImportRefused(f"the url has port {port}: only 80, 443, and {_FIRST_FREE_PORT} or higher are allowed")
    return port

"""Addresses of cameras, as users write them. Pure.

The user name and the password of an address may hold any character: users paste them as they are.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from contracts.errors import ImportRefused, StreamRefused
from contracts.network.address_rules import host_of, read_address

SCHEMES = ("rtsp", "http", "https")
URL_MAX = 2048
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::([0-9]{0,5}))?", re.IGNORECASE)
_PORTS = {"rtsp": 554, "http": 80, "https": 443}
# Usual ports of cameras below 1024; the others there are system services: mail, ssh, DNS.
_LOW_PORTS = frozenset({80, 81, 82, 83, 84, 85, 88, 443, 554})
_FIRST_FREE_PORT = 1024
# As system calls read numbers that are no IPv4 address of four parts.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_KEPT = "!$%&'()*+,/:;=?@[]|~"


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A parsed address. host: lower-case ASCII, without the brackets of IPv6. target: path and query, percent-encoded.
    user, password: None without one."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is reached over TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port as a request names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Without user name and password."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def whole(self) -> str:
        """With user name and password, percent-encoded: to be sealed."""
        parts = [quote(part, safe="") for part in (self.user, self.password) if part is not None]
        return f"{self.scheme}://{':'.join(parts)}{'@' if parts else ''}{self.authority}{self.target}"

    def same_server(self, other: "CameraAddress") -> bool:
        """Whether what is secret to one may be sent to the other."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)


def parse(url: str, schemes: tuple[str, ...] = SCHEMES) -> CameraAddress:
    """Parse an address. Raises StreamRefused, whose text repeats nothing of it."""
    url = url.strip()
    if len(url) > URL_MAX:
        raise StreamRefused(f"the url is longer than {URL_MAX} characters: give a shorter one")
    if any(char in " \\" or not char.isprintable() for char in url):
        raise StreamRefused("the url contains blanks, backslashes or control characters: percent-encode them")
    whole = _URL.fullmatch(url)
    if whole is None or whole[1].lower() not in schemes:
        raise StreamRefused(f"the url must start with {_listed(schemes)}: files, devices and playlists are no cameras")
    scheme, authority, path, query = whole[1].lower(), whole[2], whole[3], whole[4] or ""
    if "@" in url[whole.end(2) :]:  # the password goes on beyond what looks like the host
        raise StreamRefused("the url has an @ after the host: write / ? # and @ of a password as %2F %3F %23 and %40")
    login, at, place = authority.rpartition("@")
    parts = _AUTHORITY.fullmatch(place)
    if parts is None:
        raise StreamRefused("the url has no valid host: write it as rtsp://user:password@192.168.1.20/stream")
    user, colon, password = login.partition(":")
    return CameraAddress(
        scheme,
        _host(parts[1]),
        _port(scheme, parts[2]),
        quote((path or "/") + query, safe=_KEPT),
        unquote(user) if at else None,
        unquote(password) if colon else None,
    )


def _listed(schemes: tuple[str, ...]) -> str:
    *others, last = (f"{scheme}://" for scheme in schemes)
    return f"{', '.join(others)} or {last}" if others else last


def _host(text: str) -> str:
    try:
        host = host_of(text)
    except ImportRefused as error:
        raise StreamRefused(error.detail) from None
    if _NUMERIC.fullmatch(host.rpartition(".")[2]):
        try:
            read_address(host)
        except ValueError:
            raise StreamRefused("the url has an invalid IPv4 address: write it as four numbers") from None
    return host


def _port(scheme: str, text: str | None) -> int:
    port = int(text) if text else _PORTS[scheme]
    if port not in _LOW_PORTS and not _FIRST_FREE_PORT <= port <= 65535:
        raise StreamRefused(
            f"the url has port {port}: only usual ports of cameras (80 to 85, 88, 443, 554), and {_FIRST_FREE_PORT} or "
            "higher are allowed"
        )
    return port

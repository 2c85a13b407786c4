"""Addresses of cameras, as users write them: what of them is shown, and which are refused at once. Pure.

The user name and the password of an address may hold any character: users paste them as they are. What a camera takes
in its query or path may be secret too, so that only values known as harmless are shown.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from contracts.errors import ImportRefused, StreamRefused
from contracts.live.streams import Kind
from contracts.network.address_rules import Network, host_of, is_listed, is_public, read_address

URL_MAX = 2048
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::([0-9]{0,5}))?", re.IGNORECASE)
_SCHEMES: dict[str, Kind] = {"rtsp": "rtsp", "http": "http", "https": "http"}
_PORTS = {"rtsp": 554, "http": 80, "https": 443}
# Usual ports of cameras below 1024; the others there are system services: mail, ssh, DNS.
_LOW_PORTS = frozenset({80, 81, 82, 83, 84, 85, 88, 443, 554})
_FIRST_FREE_PORT = 1024
# As system calls read numbers that are no IPv4 address of four parts.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_KEPT = "!$%&'()*+,/:;=?@[]|~"
# Names of values that tell streams of one camera apart.
_SHOWN_VALUES = frozenset(
    {"camera", "ch", "channel", "compression", "fps", "height", "profile", "quality", "resolution", "stream"}
    | {"streamtype", "subtype", "track", "transportmode", "unicast", "width"}
)
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A parsed address. host: lower-case ASCII, without the brackets of IPv6. target: path and query, percent-encoded.
    username, password: None without one."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def kind(self) -> Kind:
        """The kind of stream that has such an address."""
        return _SCHEMES[self.scheme]

    @property
    def whole(self) -> str:
        """The address with user name and password, percent-encoded: to be sealed."""
        parts = [quote(part, safe="") for part in (self.username, self.password) if part is not None]
        return f"{self.scheme}://{':'.join(parts)}{'@' if parts else ''}{self._place}{self.target}"

    @property
    def shown(self) -> str:
        """The address without what may be secret."""
        return f"{self.scheme}://{self._place}{_without_values(self.target)}"

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> CameraAddress:
    """Parse an address. Raises StreamRefused, whose text repeats nothing of it."""
    url = url.strip()
    if len(url) > URL_MAX:
        raise StreamRefused(f"the url is longer than {URL_MAX} characters: give a shorter one")
    if any(char in " \\" or not char.isprintable() for char in url):
        raise StreamRefused("the url contains blanks, backslashes or control characters: percent-encode them")
    whole = _URL.fullmatch(url)
    if whole is None or whole[1].lower() not in _SCHEMES:
        raise StreamRefused(
            "the url must start with rtsp://, http:// or https://: files, devices and playlists are no cameras"
        )
    scheme, authority, path, query = whole[1].lower(), whole[2], whole[3], whole[4] or ""
    if "@" in url[whole.end(2) :]:  # the password goes on beyond what looks like the host
        raise StreamRefused("the url has an @ after the host: write / ? # and @ of a password as %2F %3F %23 and %40")
    login, at, place = authority.rpartition("@")
    parts = _AUTHORITY.fullmatch(place)
    if parts is None:
        raise StreamRefused("the url has no valid host: write it as rtsp://user:password@192.168.1.20/stream")
    username, colon, password = login.partition(":")
    return CameraAddress(
        scheme,
        _host(parts[1]),
        _port(scheme, parts[2]),
        quote(path + query, safe=_KEPT),
        unquote(username) if at else None,
        unquote(password) if colon else None,
    )


def require_allowed(address: CameraAddress, allowed: tuple[Network, ...]) -> None:
    """Check an address whose host is a number; names are looked up by the ingest when it connects. allowed: networks
    that the operator allows. Raises StreamRefused."""
    try:
        place = read_address(address.host)
    except ValueError:
        return
    if not (is_listed(place, allowed) or is_public(place)):
        raise StreamRefused(
            f"{place} is not a public address and not in a network of STREAM_ALLOW_NETWORKS: ask the operator to add "
            "the network of the camera to that setting"
        )


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


def _without_values(target: str) -> str:
    """Path and query with hidden values. Some cameras take user name and password in the path."""
    path, mark, query = target.partition("?")
    steps = [
        f"{name}={_HIDDEN}" if sign else name for name, sign, _ in (step.partition("=") for step in path.split("/"))
    ]
    return "/".join(steps) + mark + "&".join(_shown_value(pair) for pair in query.split("&"))


def _shown_value(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    if name.lower() in _SHOWN_VALUES:
        return pair
    return f"{name}={_HIDDEN}" if sign else (_HIDDEN if name else "")

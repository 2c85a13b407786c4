"""The address of a camera, as it is read."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from contracts.errors import ImportRefused
from contracts.live.streams import Reason
from contracts.network import address_rules
from ingest.sources.port import SourceFailed

_PORTS = {"rtsp": 554, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """host: without the brackets of IPv6. target: path and query. user, password: None without one."""

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

    def same_server(self, other: "SourceAddress") -> bool:
        """Whether what is secret to one may be sent to the other."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)


def parse(text: str, schemes: tuple[str, ...]) -> SourceAddress:
    """Parse an address that the api accepted. Raises SourceFailed, whose text repeats nothing of it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused("the address of this stream cannot be read: enter it again") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise _refused(f"the address of this stream must start with {' or '.join(f'{one}://' for one in schemes)}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    login = _plain(parts.username), _plain(parts.password)
    return SourceAddress(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], target, *login)


def redirected(place: SourceAddress, location: str) -> SourceAddress:
    """Where an http address leads, by the rules for imports. Raises SourceFailed."""
    try:
        after = address_rules.redirected(
            address_rules.ParsedUrl(place.scheme, place.host, place.port, place.target), location
        )
    except ImportRefused as error:
        raise _refused(error.detail) from None
    new = SourceAddress(after.scheme, after.host, after.port, after.target)
    if not place.same_server(new):
        return new
    return SourceAddress(new.scheme, new.host, new.port, new.target, place.user, place.password)


def _plain(text: str | None) -> str | None:
    return None if text is None else unquote(text)


def _refused(detail: str) -> SourceFailed:
    return SourceFailed(Reason.NOT_ALLOWED, detail, permanent=True)

"""STUN and TURN servers, as WEBRTC_ICE_SERVERS names them."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from contracts.errors import SettingsError

_SERVER = re.compile(
    r"(?P<scheme>stuns?|turns?):((?P<user>[^:@\s]+):(?P<password>[^@\s]+)@)?"
    r"(?P<place>[\w.\-]+|\[[0-9a-fA-F:]+\])(?P<port>:\d{1,5})?(?P<transport>\?transport=(udp|tcp))?"
)


@dataclass(frozen=True)
class IceServer:
    """url: as browsers take it, without user name and password. username, credential: of a TURN server."""

    url: str
    username: str | None = None
    credential: str | None = None


def ice_servers(text: str) -> tuple[IceServer, ...]:
    """Parse a comma separated list of stun:HOST:PORT and turn:USER:PASSWORD@HOST:PORT. User name and password are
    percent-encoded where they contain a comma, a colon or an @. Raises SettingsError, whose text has no password."""
    return tuple(_server(item.strip()) for item in text.split(",") if item.strip())


def _server(item: str) -> IceServer:
    found = _SERVER.fullmatch(item)
    if found is None or found["scheme"].startswith("turn") != bool(found["user"]):
        raise SettingsError(
            "is no list of ICE servers: write stun:stun.example.org:3478, or turn:user:password@turn.example.org:3478 "
            "(percent-encode a comma, a colon or an @ in user name and password)"
        )
    url = f"{found['scheme']}:{found['place']}{found['port'] or ''}{found['transport'] or ''}"
    if not found["user"]:
        return IceServer(url)
    user, password = unquote(found["user"]), unquote(found["password"])
    if not (user + password).isascii() or not (user + password).isprintable():
        raise SettingsError("has a user name or a password with characters other than letters, digits and signs")
    return IceServer(url, user, password)

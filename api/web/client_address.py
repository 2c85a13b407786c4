"""The client's network address, also behind proxies."""

from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.network.address_rules import Address, Network, read_address

_address: ContextVar[str | None] = ContextVar("address", default=None)


def address() -> str | None:
    """The client address of the current request; None where it is unknown, and outside of a request."""
    return _address.get()


class ClientAddress:
    """ASGI middleware that sets address() for each request. trusted: proxies whose X-Forwarded-For is believed."""

    def __init__(self, app: ASGIApp, trusted: tuple[Network, ...]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = (scope.get("client") or ("",))[0]
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
        token = _address.set(origin(peer, forwarded, self._trusted))
        try:
            await self._app(scope, receive, send)
        finally:
            _address.reset(token)


def origin(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str | None:
    """The client address of a request. Pure.

    Each proxy appends the address of its peer to X-Forwarded-For, so the rightmost untrusted address is the client;
    everything left of it may be forged.
    """
    found = _read(peer)
    for told in reversed(forwarded.split(",") if forwarded else []):
        if found is None or not any(found in network for network in trusted):
            break
        before = _read(told.strip())
        if before is None:  # not an address: stop at the last valid one
            break
        found = before
    return str(found) if found else None


def _read(text: str) -> Address | None:
    """Parse an address, also with a port as some proxies write it."""
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return read_address(bare.partition("%")[0])
    except ValueError:
        return None

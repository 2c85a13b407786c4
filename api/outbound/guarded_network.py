"""A network backend that connects to allowed addresses only, for URL imports and webhooks."""

import logging
from collections.abc import Awaitable, Callable, Iterable

import anyio
import httpcore2

from contracts.errors import ImportRefused
from contracts.network.address_rules import Address, Network, read_address
from contracts.network.own_host import is_open, is_own

log = logging.getLogger(__name__)

# The addresses of a host and port, looked up in the share of a user: see api.outbound.name_lookup.
Resolve = Callable[[str, int, str], Awaitable[list[str]]]

# Limit for names with very many addresses.
_ADDRESSES_TRIED = 4


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Resolves a host once, checks all its addresses, and connects to a checked one: a second lookup could return
    another address (DNS rebinding). TLS still verifies the host name. user: who shares the look-ups with others."""

    def __init__(
        self,
        allowed: tuple[Network, ...],
        resolve: Resolve,
        is_own: Callable[[Address], bool] = is_own,
        user: str = "",
    ) -> None:
        """allowed: networks that the operator allows although they are not public."""
        self._allowed = allowed
        self._resolve = resolve
        self._is_own = is_own
        self._user = user
        self._plain = httpcore2.AnyIOBackend()

    def of(self, user: str) -> "GuardedNetwork":
        """The network as a user sees it."""
        return GuardedNetwork(self._allowed, self._resolve, self._is_own, user)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect. timeout: in seconds, for the lookup and for each connection attempt.

        Raises ImportRefused, httpcore2.ConnectError, httpcore2.ConnectTimeout.
        """
        addresses = await self.check(host, port, timeout)
        for address in addresses[:-1]:
            try:
                return await self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                log.debug("no connection to %s: %s", address, error)
        return await self._plain.connect_tcp(str(addresses[-1]), port, timeout, local_address, socket_options)

    async def check(self, host: str, port: int, timeout: float | None) -> list[Address]:
        """The addresses to try, all of them allowed. timeout: of the lookup, in seconds. Raises ImportRefused."""
        addresses: list[Address] = []
        with anyio.move_on_after(timeout):
            addresses = [read_address(text) for text in await self._resolve(host, port, self._user)]
        closed = [str(address) for address in addresses if not is_open(address, self._allowed, self._is_own)]
        if closed:
            log.warning("connection refused: %s resolves to forbidden addresses %s", host, ", ".join(closed))
        if closed or not addresses:
            # The same message for both, so that clients cannot probe for internal names and hosts.
            raise ImportRefused("the host is unknown or not on the public internet: give a public address")
        return addresses[:_ADDRESSES_TRIED]

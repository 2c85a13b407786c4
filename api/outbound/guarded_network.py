"""Connections that go nowhere but to addresses that are open to imports, or to webhooks."""

import logging
import socket
from collections.abc import Awaitable, Callable, Iterable

import anyio
import httpcore

from api.outbound.address_rules import Address, Network, is_open, read_address
from contracts.errors import ImportRefused

log = logging.getLogger(__name__)

Resolve = Callable[[str, int], Awaitable[list[str]]]

# A name with very many addresses must not make us knock at all of them.
_TRIED = 4


async def resolve(host: str, port: int) -> list[str]:
    """All addresses that the system's resolver knows for a host, the preferred ones first."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Looks a host up once, checks every address it has, and connects to one that was checked: a
    second look-up could say something else. TLS still asks for the host's own name."""

    def __init__(self, allowed: tuple[Network, ...], resolve: Resolve = resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """timeout, in seconds, is that of the look-up and of each attempt.

        Raises ImportRefused, httpcore.ConnectError, httpcore.ConnectTimeout.
        """
        addresses = await self.check(host, port, timeout)
        for address in addresses[:-1]:
            try:
                return await self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                log.debug("no connection to %s: %s", address, error)
        return await self._plain.connect_tcp(str(addresses[-1]), port, timeout, local_address, socket_options)

    async def check(self, host: str, port: int, timeout: float | None) -> list[Address]:
        """The addresses to try, all of which are open. timeout: of the look-up, in seconds. Raises ImportRefused."""
        addresses: list[Address] = []
        with anyio.move_on_after(timeout):
            addresses = [read_address(text) for text in await self._resolve(host, port)]
        closed = [str(address) for address in addresses if not is_open(address, self._allowed)]
        if closed:
            log.warning("not connected to: %s leads to %s", host, ", ".join(closed))
        if closed or not addresses:
            # The same words for both: whoever asks must not learn which names and hosts there are inside.
            raise ImportRefused("the host is not known, or is not one of the public internet")
        return addresses[:_TRIED]

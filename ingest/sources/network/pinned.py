"""Connects to a host whose addresses were resolved once and checked: a second look-up could lead elsewhere."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

from contracts.live.streams import Reason
from contracts.network.address_rules import Address, Network, read_address
from contracts.network.camera_address import CameraAddress
from contracts.network.own_host import is_open
from ingest.sources.network.connection import Connection, connected
from ingest.sources.port import SourceFailed

CONNECT_SECONDS = 5.0
# Limit for names with very many addresses.
_ADDRESSES_TRIED = 4

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolved(host: str, port: int) -> list[str]:
    """All addresses of a host from the system's resolver, preferred ones first.

    In a thread of its own: the resolver cannot be interrupted, and a name whose servers do not answer holds its thread
    for half a minute, which those that others share cannot bear.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(addresses: list[str]) -> None:
        if not found.done():
            found.set_result(addresses)

    def work() -> None:
        try:
            places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            places = []
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in places))
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, addresses)

    threading.Thread(target=work, name="lookup", daemon=True).start()
    return await found


async def connect(place: CameraAddress, networks: tuple[Network, ...], resolve: Resolve = resolved) -> Connection:
    """Connect to one of the addresses of a host, all of which must be allowed.

    networks: those that are allowed although they are not public. Raises SourceFailed.
    """
    failure = "no connection"
    for address in await _checked(place, networks, resolve):
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await connected(str(address), place.port, place.host if place.is_encrypted else None)
        except TimeoutError:
            failure = f"no answer within {CONNECT_SECONDS:g} s"
        except ssl.SSLCertVerificationError as error:
            failure = f"its certificate is not trusted: {error.verify_message}"
        except ssl.SSLError:
            failure = "it does not speak TLS, which https needs"
        except OSError as error:
            failure = (error.strerror or "no connection").lower()
    raise SourceFailed(Reason.UNREACHABLE, f"{place.authority} cannot be reached: {failure}")


async def _checked(place: CameraAddress, networks: tuple[Network, ...], resolve: Resolve) -> list[Address]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            found = [read_address(text) for text in await resolve(place.host, place.port)]
    except TimeoutError:
        found = []
    if not found:
        raise SourceFailed(Reason.UNREACHABLE, f"the host {place.host} is unknown: check its name")
    if not all(is_open(address, networks) for address in found):
        raise SourceFailed(
            Reason.NOT_ALLOWED,
            f"{place.host} is not a public address and not in a network of STREAM_ALLOW_NETWORKS: ask the operator to "
            "add the network of the camera to that setting",
            permanent=True,
        )
    return found[:_ADDRESSES_TRIED]

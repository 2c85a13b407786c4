"""Connects to a host whose addresses were resolved once and checked: a second look-up could lead elsewhere."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from contracts.live.streams import Reason
from contracts.network.address_rules import Address, Network, read_address
from contracts.network.camera_address import CameraAddress
from contracts.network.own_host import is_open
from ingest.sources.port import SourceFailed

CONNECT_SECONDS = 5.0
# What is read at once, at most: a keyframe of a large camera comes in few pieces.
READ_BYTES = 256 * 1024
# After a read, so long is waited before the next one: a frame comes in many pieces, and to wake for each costs more
# than all else that is done with it.
_GATHER_SECONDS = 0.02
# Limit for names with very many addresses.
_ADDRESSES_TRIED = 4

Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(slots=True)
class Connection:
    """An open TCP connection, of one task."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _not_before: float = 0.0  # the next read, in seconds of the loop's clock

    async def read(self) -> bytes:
        """What has come, at least a byte; empty at the end. Raises SourceFailed when the connection breaks."""
        transport: Any = self.writer.transport
        now = asyncio.get_running_loop().time
        if (early := self._not_before - now()) > 0:
            await asyncio.sleep(early)
        transport.resume_reading()
        try:
            data = await self.reader.read(READ_BYTES)
        except OSError:
            raise SourceFailed(Reason.LOST, "the connection to the source broke") from None
        if len(data) < READ_BYTES:  # else there is more
            transport.pause_reading()
            self._not_before = now() + _GATHER_SECONDS
        return data

    async def close(self) -> None:
        """At once, without waiting for what was not sent yet."""
        self.writer.transport.abort()
        with suppress(OSError):
            await self.writer.wait_closed()


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
                return await _connected(address, place)
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


async def _connected(address: Address, place: CameraAddress) -> Connection:
    tls = ssl.create_default_context() if place.is_encrypted else None
    made = await asyncio.open_connection(
        str(address), place.port, limit=READ_BYTES, ssl=tls, server_hostname=place.host if tls else None
    )
    return Connection(*made)

"""Bounds what a server may send before the head of its answer is complete.

The HTTP library reads any number of interim answers (100 Continue), and parses all of a read without a pause.
"""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from contracts.errors import ImportFailed

HEAD_MAX_BYTES = 64 * 1024
# At once, so that parsing a read of interim answers takes milliseconds.
_READ_BYTES = 4096


class HeadLimit(httpcore2.AsyncNetworkBackend):
    """The network of one request. Set `head_ended` once the head is there."""

    def __init__(self, network: httpcore2.AsyncNetworkBackend) -> None:
        self._network = network
        self._seen = 0
        self.head_ended = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect as the network does."""
        return _Stream(await self._network.connect_tcp(host, port, timeout, local_address, socket_options), self)

    def most(self, wanted: int) -> int:
        """How many bytes to read at once."""
        return wanted if self.head_ended else min(wanted, _READ_BYTES)

    def count(self, data: bytes) -> None:
        """Count what was read. Raises ImportFailed."""
        self._seen += len(data)
        if not self.head_ended and self._seen > HEAD_MAX_BYTES:
            raise ImportFailed(f"the address sent {HEAD_MAX_BYTES} bytes without the head of an answer")


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection of a HeadLimit; counts what the HTTP library reads, decrypted."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, limit: HeadLimit) -> None:
        self._stream, self._limit = stream, limit

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(self._limit.most(max_bytes), timeout)
        self._limit.count(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._limit)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

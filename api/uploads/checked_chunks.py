"""Chunks with a checksum, which are held in memory until it is verified: how many at a time, and for how long."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.requests.tus_headers import Checksum
from contracts.errors import ChecksumMismatch, TooManyChunks, UploadIncomplete, UploadTooLarge

# Of this process: 64 MiB, of which a user takes no more than a quarter.
MAX_BYTES = 8 * 1024 * 1024
AT_ONCE = 8
PER_USER = 2


class CheckedChunks:
    """Reads such chunks. While too many are held, others wait for a time, and are not read."""

    def __init__(self, *, wait_seconds: float = 20, chunk_seconds: float = 120) -> None:
        """chunk_seconds: for the whole of a chunk; the largest then needs half a megabit a second."""
        self._wait_seconds, self._chunk_seconds = wait_seconds, chunk_seconds
        self._held: Counter[str] = Counter()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def verified(
        self, user: str, stream: AsyncIterator[bytes], checksum: Checksum
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The chunk as one piece, after its checksum was verified. It counts until the context ends.

        Raises ChecksumMismatch, UploadTooLarge, UploadIncomplete where it takes too long, TooManyChunks.
        """
        await self._take(user)
        try:
            data = await self._read(stream)
            if hashlib.new(checksum.algorithm, data, usedforsecurity=False).digest() != checksum.digest:
                raise ChecksumMismatch("the chunk does not match its checksum and was discarded: send it again")
            yield _one_piece(data)
        finally:
            self._give_back(user)

    async def _take(self, user: str) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                while self._held.total() >= AT_ONCE or self._held[user] >= PER_USER:
                    await self._freed.wait()
        except TimeoutError:
            raise TooManyChunks("too many chunks with a checksum are under way: send it again in a moment") from None
        self._held[user] += 1

    def _give_back(self, user: str) -> None:
        self._held -= Counter({user: 1})  # without users at zero
        self._freed.set()
        self._freed = asyncio.Event()

    async def _read(self, stream: AsyncIterator[bytes]) -> bytes:
        data = bytearray()
        try:
            async with asyncio.timeout(self._chunk_seconds):
                async for piece in stream:
                    data += piece
                    if len(data) > MAX_BYTES:
                        raise UploadTooLarge(
                            f"a chunk with a checksum has at most {MAX_BYTES} bytes: send smaller ones"
                        )
        except TimeoutError:
            raise UploadIncomplete(
                f"the chunk took longer than {self._chunk_seconds} s and was discarded: send smaller ones"
            ) from None
        return bytes(data)


async def _one_piece(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data

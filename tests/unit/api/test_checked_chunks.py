"""Chunks with a checksum: how many are in memory at a time, and for how long."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest

from api.requests.tus_headers import Checksum
from api.uploads.checked_chunks import AT_ONCE, MAX_BYTES, PER_USER, CheckedChunks
from contracts.errors import ChecksumMismatch, TooManyChunks, UploadIncomplete, UploadTooLarge

CHECKSUM = Checksum("sha256", hashlib.sha256(b"abc").digest())


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def standing() -> AsyncIterator[bytes]:
    yield b"a"
    await anyio.sleep_forever()


async def taken(chunks: CheckedChunks, user: str, stream: AsyncIterator[bytes] | None = None) -> bytes:
    async with chunks.verified(user, stream or pieces(b"ab", b"c"), CHECKSUM) as chunk:
        return b"".join([piece async for piece in chunk])


async def among_standing(work: Callable[[CheckedChunks], Awaitable[None]], users: list[str]) -> None:
    """Call the work while a chunk of each of these users does not come to its end."""
    chunks = CheckedChunks(wait_seconds=0.05)
    async with anyio.create_task_group() as group:
        for user in users:
            group.start_soon(taken, chunks, user, standing())
        await anyio.wait_all_tasks_blocked()
        await work(chunks)
        group.cancel_scope.cancel()
    for user in [*users, "another"]:  # what was cancelled holds nothing
        assert await taken(chunks, user) == b"abc"


def test_a_chunk_comes_whole_or_not_at_all() -> None:
    async def run() -> None:
        chunks = CheckedChunks()
        for data, error in ((b"abd", ChecksumMismatch), (b"x" * (MAX_BYTES + 1), UploadTooLarge)):
            for _ in range(AT_ONCE + 1):
                with pytest.raises(error):
                    await taken(chunks, "user", pieces(data))
        assert await taken(chunks, "user") == b"abc"

    anyio.run(run)


def test_a_user_holds_a_part_and_all_users_a_limited_number() -> None:
    async def one_user(chunks: CheckedChunks) -> None:
        with pytest.raises(TooManyChunks):
            await taken(chunks, "user")
        assert await taken(chunks, "another") == b"abc"

    async def all_users(chunks: CheckedChunks) -> None:
        with pytest.raises(TooManyChunks):
            await taken(chunks, "another")

    anyio.run(among_standing, one_user, ["user"] * PER_USER)
    anyio.run(among_standing, all_users, [f"user {number}" for number in range(AT_ONCE)])


def test_a_chunk_that_stands_is_dropped() -> None:
    async def run() -> None:
        chunks = CheckedChunks(chunk_seconds=0.05)
        with pytest.raises(UploadIncomplete):
            await taken(chunks, "user", standing())
        assert await taken(chunks, "user") == b"abc"

    anyio.run(run)

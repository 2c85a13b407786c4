"""Writes request bodies to storage: size limit, SHA-256, clean-up on failure."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Self

import anyio
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request

from api.requests.size_limit import SizeLimit
from contracts.errors import EmptyUpload, UploadIncomplete

_BUFFER_BYTES = 1024 * 1024
_DRAIN_BYTES = 64 * 1024 * 1024
_DRAIN_SECONDS = 5
_DRAIN_IDLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Stored:
    """Size in bytes and SHA-256 in hex of what was stored."""

    size_bytes: int
    sha256: str


class UploadWriter:
    """Writes to a storage object. Use as an async context manager: `finish` publishes the object, leaving without it
    removes everything."""

    def __init__(self, target: AbstractContextManager[BinaryIO], limit: SizeLimit) -> None:
        self._target = target
        self._limit = limit
        self._hash = hashlib.sha256()
        self._size = 0
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        self._sink = await run_sync(self._stack.enter_context, self._target)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # A cancelled request must still remove its partial file.
        with anyio.CancelScope(shield=True):
            failure = error or UploadIncomplete("the upload was not finished")
            # Does nothing after `finish`: the stack is empty.
            await run_sync(self._stack.__exit__, type(failure), failure, failure.__traceback__)

    async def write(self, piece: bytes) -> None:
        """Write the next bytes. Raises UploadTooLarge."""
        self._size += len(piece)
        if self._size > self._limit.bytes:
            raise self._limit.refusal()
        self._buffer.append(piece)
        self._buffered += len(piece)
        if self._buffered >= _BUFFER_BYTES:
            await self._flush()

    async def finish(self) -> Stored:
        """Publish the complete object. Raises EmptyUpload."""
        if not self._size:
            raise EmptyUpload("the file is empty: send the video itself")
        await self._flush()
        await run_sync(self._stack.close)
        return Stored(self._size, self._hash.hexdigest())

    async def _flush(self) -> None:
        data, self._buffer, self._buffered = b"".join(self._buffer), [], 0
        await run_sync(self._put, data)

    def _put(self, data: bytes) -> None:
        # Hashing and writing release the GIL, so that other requests continue.
        self._hash.update(data)
        self._sink.write(data)


class AppendWriter(UploadWriter):
    """Appends to a resumable object. What was written stays, however the context ends."""

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with anyio.CancelScope(shield=True):
            try:
                await self._flush()
            finally:
                await run_sync(self._stack.close)

    @property
    def written(self) -> Stored:
        """What was written."""
        return Stored(self._size, self._hash.hexdigest())


def check_length(request: Request, limit: SizeLimit, overhead: int) -> None:
    """Refuse a request by its Content-Length, before the first byte. overhead: bytes allowed beside the file."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > limit.bytes + overhead:
        raise limit.refusal()


async def body(request: Request) -> AsyncIterator[bytes]:
    """The chunks of a request body. Raises UploadIncomplete when the client disconnects."""
    try:
        async for piece in request.stream():
            if piece:
                yield piece
        request.state.read_to_end = True
    except ClientDisconnect:
        raise UploadIncomplete("the connection was closed before the end of the upload") from None


async def drain(request: Request) -> None:
    """Read and discard the rest of a refused body, within limits: a client that is still writing would get a broken
    pipe instead of the response. Stops when the client sends nothing, because it waits for the response then."""
    if getattr(request.state, "read_to_end", False) or "expect" in request.headers:
        return  # nothing is left, or the client waits for 100 Continue
    seen = 0
    with anyio.move_on_after(_DRAIN_SECONDS) as whole:
        while seen <= _DRAIN_BYTES and not whole.cancel_called:
            message = None
            with anyio.move_on_after(_DRAIN_IDLE_SECONDS):
                message = await request.receive()
            if message is None or message["type"] != "http.request" or not message.get("more_body"):
                return
            seen += len(message.get("body", b""))

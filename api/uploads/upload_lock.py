"""Upload lock: one request at a time writes an upload, across all api processes."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import anyio
from anyio.to_thread import run_sync
from redis import RedisError

from contracts.coordination.leases import Locks, LockState
from contracts.database.tables import new_id
from contracts.errors import Unavailable, UploadIncomplete, UploadLocked

log = logging.getLogger(__name__)

_TTL_SECONDS = 5  # a killed process blocks its upload for at most this long
_RENEW_SECONDS = 1
_IDLE_SECONDS = 2
_WAIT_SECONDS = 7  # longer than the TTL of the lock
_RETRY_SECONDS = 0.1
T = TypeVar("T")


class UploadLock:
    """A held lock on an upload. Tracks whether its holder waits for bytes."""

    def __init__(self) -> None:
        self._waits_since: float | None = None

    async def watched(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The stream. While it is idle for some seconds, another request may take over the lock."""
        self._waits_since = time.monotonic()
        try:
            async for piece in stream:
                self._waits_since = None
                yield piece
                self._waits_since = time.monotonic()
        finally:
            self._waits_since = None

    def must_stop(self, state: LockState) -> bool:
        """Whether the holder must stop."""
        if self._waits_since is None:  # not waiting for the client: finish the current step
            return False
        idle = time.monotonic() - self._waits_since
        return state is LockState.LOST or (state is LockState.CONTENDED and idle >= _IDLE_SECONDS)


async def with_upload_lock(locks: Locks, name: str, work: Callable[[UploadLock], Awaitable[T]]) -> T:
    """Run the work while holding the lock.

    A client that reconnects takes over from its own broken request, which still waits for bytes: that one ends with
    UploadIncomplete. Raises UploadLocked when the current holder makes progress.
    """
    owner, outcome = new_id(), list[T]()
    failure: Exception = UploadIncomplete("no data for some seconds, and another request continues this upload")
    await _acquire(locks, name, owner)
    try:
        async with anyio.create_task_group() as group:
            lock = UploadLock()
            group.start_soon(_renew, locks, name, owner, lock, group.cancel_scope)
            try:
                outcome.append(await work(lock))
            except Exception as error:  # not from inside the task group, which would wrap it
                failure = error
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True), suppress(RedisError):  # it expires
            await run_sync(locks.release, name, owner)
    if outcome:
        return outcome[0]
    raise failure


async def _acquire(locks: Locks, name: str, owner: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    try:
        while not await run_sync(locks.acquire, name, owner, _TTL_SECONDS):
            if time.monotonic() > deadline:
                raise UploadLocked("another request is writing this upload: end it, or try again in some seconds")
            await anyio.sleep(_RETRY_SECONDS)
    except RedisError as error:
        raise Unavailable(f"Redis is not available, try again later: {error}") from error


async def _renew(locks: Locks, name: str, owner: str, lock: UploadLock, scope: anyio.CancelScope) -> None:
    while True:
        await anyio.sleep(_RENEW_SECONDS)
        try:
            state = await run_sync(locks.renew, name, owner, _TTL_SECONDS)
        except RedisError as error:
            log.warning("could not renew lock %s: %s", name, error)
            continue
        if lock.must_stop(state):
            scope.cancel()

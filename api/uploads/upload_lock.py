"""One request at a time writes an upload, whichever process of the api it came to."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import anyio
from anyio.to_thread import run_sync
from redis import RedisError

from contracts.coordination.leases import Held, Turns
from contracts.database.tables import new_id
from contracts.errors import Unavailable, UploadIncomplete, UploadLocked

log = logging.getLogger(__name__)

_HOLD_SECONDS = 5  # after these, a process that was killed no longer keeps others from its upload
_TICK_SECONDS = 1
_IDLE_SECONDS = 2
_WAIT_SECONDS = 7  # longer than a turn in a dead hand
_AGAIN_SECONDS = 0.1
T = TypeVar("T")


class Turn:
    """A turn in hand."""

    def __init__(self) -> None:
        self._waits_since: float | None = None

    async def pieces(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A stream's pieces. While one does not come for some seconds, another request may take the turn."""
        self._waits_since = time.monotonic()
        try:
            async for piece in stream:
                self._waits_since = None
                yield piece
                self._waits_since = time.monotonic()
        finally:
            self._waits_since = None

    def yields(self, held: Held) -> bool:
        """Whether its holder must stop."""
        if self._waits_since is None:  # what is done now has an end
            return False
        idle = time.monotonic() - self._waits_since
        return held is Held.LOST or (held is Held.WANTED and idle >= _IDLE_SECONDS)


async def in_turn(turns: Turns, name: str, work: Callable[[Turn], Awaitable[T]]) -> T:
    """Do the work alone.

    A client whose connection broke is soon back, when its first request still waits for bytes that will never
    come: that one ends with UploadIncomplete. Raises UploadLocked when the other one gets on.
    """
    owner, outcome = new_id(), list[T]()
    failure: Exception = UploadIncomplete("nothing came for some seconds, and another request goes on with this upload")
    await _take(turns, name, owner)
    try:
        async with anyio.create_task_group() as group:
            turn = Turn()
            group.start_soon(_keep, turns, name, owner, turn, group.cancel_scope)
            try:
                outcome.append(await work(turn))
            except Exception as error:  # as it is: the group would wrap it
                failure = error
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True), suppress(RedisError):  # it fades by itself
            await run_sync(turns.leave, name, owner)
    if outcome:
        return outcome[0]
    raise failure


async def _take(turns: Turns, name: str, owner: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    try:
        while not await run_sync(turns.take, name, owner, _HOLD_SECONDS):
            if time.monotonic() > deadline:
                raise UploadLocked("another request writes this upload: end it, or try again in some seconds")
            await anyio.sleep(_AGAIN_SECONDS)
    except RedisError as error:
        raise Unavailable(f"Redis does not answer, try again later: {error}") from error


async def _keep(turns: Turns, name: str, owner: str, turn: Turn, scope: anyio.CancelScope) -> None:
    while True:
        await anyio.sleep(_TICK_SECONDS)
        try:
            held = await run_sync(turns.keep, name, owner, _HOLD_SECONDS)
        except RedisError as error:
            log.warning("the turn %s may be lost: %s", name, error)
            continue
        if turn.yields(held):
            scope.cancel()

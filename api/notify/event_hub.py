"""The event streams of this process. One poll of the database serves all of them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from anyio.to_thread import run_sync

from contracts.database.tables import utcnow
from contracts.errors import TooManyStreams, Unavailable

log = logging.getLogger(__name__)

STREAMS_PER_USER = 10
_PERIOD_SECONDS = 1.0
# Clocks of hosts differ, and a row becomes visible some time after its timestamp.
MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Change:
    """An event for a user. job and video: ids that it concerns; renditions of a video have no job.

    mark: changes when there is something new to send.
    """

    user: str
    event: str
    id: str
    job: str | None
    video: str | None
    data: bytes
    mark: bytes

    @property
    def key(self) -> tuple[str, str]:
        """A newer change with the same key replaces an older one."""
        return self.event, self.id


Read = Callable[[Sequence[str], datetime], list[Change]]
ValidCredentials = Callable[[Sequence[str]], set[str]]


class Listener:
    """One event stream. Newer changes replace pending ones, so that a slow client needs little memory."""

    def __init__(self, user: str, credential: str, job_id: str | None = None, video_id: str | None = None) -> None:
        """credential: id of the session or API token. job_id, video_id: limit the stream to one job and its video."""
        self.user = user
        self.credential = credential
        self.ended = False
        self.time = utcnow()
        self._job, self._video = job_id, video_id
        self._pending: dict[tuple[str, str], Change] = {}
        self._marks: dict[tuple[str, str], bytes] = {}
        self._wake = asyncio.Event()

    def offer(self, changes: Iterable[Change], time: datetime) -> None:
        """Add the changes that were read at that time; unchanged ones are skipped."""
        marks = {}
        for change in filter(self._concerns, changes):
            marks[change.key] = change.mark
            if self._marks.get(change.key) != change.mark:
                self._pending[change.key] = change
        self._marks, self.time = marks, time
        if self._pending:
            self._wake.set()

    def end(self) -> None:
        """End the stream after the pending changes."""
        self.ended = True
        self._wake.set()

    async def take(self, seconds: float) -> list[Change]:
        """Wait for changes and return them, [] after the timeout."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return []
        if not self.ended:
            self._wake.clear()
        taken = list(self._pending.values())
        self._pending.clear()
        if self._job and any(change.event == "gone" for change in taken):
            self.end()
        return taken

    def _concerns(self, change: Change) -> bool:
        if self._job is None:
            return True
        return change.job == self._job or (change.job is None and change.video == self._video)


class EventHub:
    """The listeners of this process. Only the database reads run in threads."""

    def __init__(self, read: Read, valid_credentials: ValidCredentials) -> None:
        """read: changes of these users' jobs since a time. valid_credentials: the ids that are still valid."""
        self._read = read
        self._valid_credentials = valid_credentials
        self._listeners: set[Listener] = set()
        self._polling: asyncio.Task[None] | None = None
        self._stopped = False

    def add(self, listener: Listener) -> None:
        """Add a listener, and start polling. Raises TooManyStreams, Unavailable."""
        if self._stopped:
            raise Unavailable("the service is shutting down: try again in a moment")
        if sum(other.user == listener.user for other in self._listeners) >= STREAMS_PER_USER:
            raise TooManyStreams(f"you have {STREAMS_PER_USER} open event streams, the maximum: close one")
        self._listeners.add(listener)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())

    def remove(self, listener: Listener) -> None:
        """Remove a listener."""
        self._listeners.discard(listener)

    def stop(self) -> None:
        """End all streams and refuse new ones."""
        self._stopped = True
        for listener in self._listeners:
            listener.end()

    async def _poll(self) -> None:
        failed = False
        while self._listeners:
            await asyncio.sleep(_PERIOD_SECONDS)
            try:
                await self._poll_once()
                failed = False
            except Exception as error:  # any error of a client library: the next poll may succeed
                if not failed:
                    log.warning("cannot poll for changes, retrying: %r", error)
                failed = True

    async def _poll_once(self) -> None:
        time = utcnow()
        users = sorted({listener.user for listener in self._listeners})
        credentials = sorted({listener.credential for listener in self._listeners})
        valid = await run_sync(self._valid_credentials, credentials)
        changes = defaultdict(list)
        for change in await run_sync(self._read, users, time - MARGIN):
            changes[change.user].append(change)
        for listener in self._listeners:
            if listener.credential not in valid and listener.credential in credentials:
                listener.end()
            elif listener.user in users:
                listener.offer(changes[listener.user], time)

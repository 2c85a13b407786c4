"""The event streams of this process.

One poll of the database serves all streams. It reads what has changed, without its content; the content is loaded, for
all streams at once, when a stream has sent what it had. A stream whose client is slow keeps ids only.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from anyio.to_thread import run_sync

from contracts.database.tables import utcnow
from contracts.errors import TooManyStreams, Unavailable

log = logging.getLogger(__name__)

STREAMS_PER_USER = 10
_PERIOD_SECONDS = 1.0
# Clocks of hosts differ, and a row becomes visible some time after its timestamp.
MARGIN = timedelta(seconds=60)
# Events that a stream sends at once, and that are loaded at once for all streams.
_PAGE, _BATCH = 100, 500

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """Something to tell a user. job and video: ids that it concerns; renditions of a video have no job.

    mark: differs when there is something new to tell.
    """

    user: str
    event: str
    id: str
    job: str | None
    video: str | None
    mark: Hashable

    @property
    def key(self) -> Key:
        """A newer change with the same key replaces an older one."""
        return self.event, self.id


@dataclass(frozen=True, slots=True)
class Event:
    """A change with its content, as JSON."""

    name: str
    data: bytes


Read = Callable[[Sequence[str], datetime], Iterable[Change]]
# The content by key, None for what is gone; what is missing is to be asked for again.
Load = Callable[[Sequence[Change]], Mapping[Key, bytes | None]]
ValidCredentials = Callable[[Sequence[str]], set[str]]


class Listener:
    """One event stream: what its client is still to be told."""

    def __init__(
        self, user: str, credential: str, since: datetime, job_id: str | None = None, video_id: str | None = None
    ) -> None:
        """credential: id of the session or API token. since: the client knows what changed before. job_id, video_id:
        limit the stream to one job and its video."""
        self.user = user
        self.credential = credential
        self.ended = False
        self.time = since  # the client has been told all changes up to this time
        self._read_until = since
        self._job, self._video = job_id, video_id
        self._wanted: dict[Key, Change] = {}
        self._marks: dict[Key, Hashable] = {}
        self._page: list[Event] = []
        self._waiting = False
        self._wake = asyncio.Event()

    def offer(self, changes: Iterable[Change], time: datetime) -> None:
        """Add the changes that were read at that time; those that the previous read had are skipped."""
        marks = {}
        for change in filter(self._concerns, changes):
            marks[change.key] = change.mark
            if change.key not in self._marks or self._marks[change.key] != change.mark:
                self._wanted[change.key] = change
        self._marks, self._read_until = marks, time
        self._note_told()

    def wants(self) -> list[Change]:
        """What to load for it: nothing while it still sends."""
        if not self._waiting or self._page:
            return []
        return list(islice(self._wanted.values(), _PAGE))

    def give(self, asked: Iterable[Change], loaded: Mapping[Key, bytes | None]) -> None:
        """Add the content of the changes that it was asked for."""
        for change in asked:
            if change.key not in loaded:
                continue
            if self._wanted.get(change.key) is change:  # no newer one has replaced it since
                del self._wanted[change.key]
            if (data := loaded[change.key]) is not None:
                self._page.append(Event(change.event, data))
        self._note_told()
        if self._page:
            self._wake.set()

    def end(self) -> None:
        """End the stream after what has been loaded."""
        self.ended = True
        self._wake.set()

    async def take(self, seconds: float) -> list[Event]:
        """Wait for events and return them, [] after the timeout. They are the last ones when it has ended then."""
        self._waiting = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._waiting = False
        self._wake.clear()
        taken, self._page = self._page, []
        if self._job and any(event.name == "gone" for event in taken):
            self.end()
        return taken

    def _note_told(self) -> None:
        if not self._wanted:
            self.time = self._read_until

    def _concerns(self, change: Change) -> bool:
        if self._job is None:
            return True
        return change.job == self._job or (change.job is None and change.video == self._video)


class EventHub:
    """The listeners of this process. Only the database reads run in threads."""

    def __init__(self, read: Read, load: Load, valid_credentials: ValidCredentials) -> None:
        """read: what is at work or has changed of these users' jobs since a time. load: the content of changes.
        valid_credentials: the ids that are still valid."""
        self._read = read
        self._load = load
        self._valid_credentials = valid_credentials
        self._listeners: dict[Listener, None] = {}  # those that were served longest ago first
        self._asked = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._stopped = False

    def add(self, listener: Listener) -> None:
        """Add a listener, and start polling. Raises TooManyStreams, Unavailable."""
        if self._stopped:
            raise Unavailable("the service is shutting down: try again in a moment")
        if sum(other.user == listener.user for other in self._listeners) >= STREAMS_PER_USER:
            raise TooManyStreams(f"you have {STREAMS_PER_USER} open event streams, the maximum: close one")
        self._listeners[listener] = None
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())

    def remove(self, listener: Listener) -> None:
        """Remove a listener."""
        self._listeners.pop(listener, None)

    def stop(self) -> None:
        """End all streams and refuse new ones."""
        self._stopped = True
        for listener in self._listeners:
            listener.end()

    async def take(self, listener: Listener, seconds: float) -> list[Event]:
        """What `Listener.take` returns, loaded at once where something waits to be loaded."""
        self._asked.set()
        return await listener.take(seconds)

    async def _poll(self) -> None:
        clock = asyncio.get_running_loop().time
        due, failed = clock() + _PERIOD_SECONDS, False
        while self._listeners:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), max(due - clock(), 0))
            self._asked.clear()
            try:
                if clock() >= due:
                    due = clock() + _PERIOD_SECONDS
                    await self._poll_once()
                await self._serve()
                failed = False
            except Exception as error:  # any error of a client library: the next poll may succeed
                if not failed:
                    log.warning("cannot poll for changes, retrying: %r", error)
                failed = True
                await asyncio.sleep(max(due - clock(), 0))

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

    async def _serve(self) -> None:
        """Load what the listeners wait for, a batch at a time."""
        while batch := self._batch():
            every = {change.key: change for changes in batch.values() for change in changes}
            loaded = await run_sync(self._load, list(every.values()))
            for listener, changes in batch.items():
                listener.give(changes, loaded)
                if listener in self._listeners:
                    self._listeners[listener] = self._listeners.pop(listener)

    def _batch(self) -> dict[Listener, list[Change]]:
        batch: dict[Listener, list[Change]] = {}
        size = 0
        for listener in self._listeners:
            if size < _BATCH and (changes := listener.wants()):
                batch[listener] = changes
                size += len(changes)
        return batch

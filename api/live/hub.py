"""The viewers of this process. A stream is read from Redis once for all its viewers, and not at all without one."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from anyio.to_thread import run_sync

from api.live.feed import Feed, LabelsOf
from api.live.follower import Follower
from api.live.outbox import Ending, Outbox
from api.web.websockets import error_message
from contracts.errors import TooManyStreams, Unavailable

log = logging.getLogger(__name__)

VIEWERS_PER_USER = 64
_PERIOD_SECONDS = 1.0
_STOPS = Ending(None)
_REVOKED = Ending(401, "unauthenticated", "the session or the API token of this connection has ended: log in again")
_UNKNOWN = error_message("unavailable", "the state of the stream cannot be read for now: the stream goes on")
_DELETED = Ending(404, "not_found", "this stream has been deleted")


@dataclass(eq=False, slots=True)
class Viewer:
    """One open WebSocket. credential: id of the session or API token."""

    stream_id: str
    user: str
    credential: str
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class Looked:
    """What is true of the watched streams now. credentials: ids that are still valid. stats: the message `stats` of
    each stream by id; those that are missing have been deleted."""

    credentials: set[str]
    stats: Mapping[str, str]


# Given ids of credentials and of streams. Blocks.
Look = Callable[[Sequence[str], Sequence[str]], Looked]


class LiveHub:
    """Only what reads the database runs in threads."""

    def __init__(self, follower: Follower, look: Look, labels_of: LabelsOf) -> None:
        self._follower = follower
        self._look = look
        self._labels_of = labels_of
        self._viewers: dict[Viewer, None] = {}
        self._feeds: dict[str, Feed] = {}
        self._looking: asyncio.Task[None] | None = None
        self._stopped = False

    def add(self, viewer: Viewer) -> None:
        """Add a viewer. Raises TooManyStreams, Unavailable."""
        if self._stopped:
            raise Unavailable("the service is shutting down: try again in a moment")
        if sum(other.user == viewer.user for other in self._viewers) >= VIEWERS_PER_USER:
            raise TooManyStreams(f"you watch {VIEWERS_PER_USER} live streams, the maximum: close one")
        self._viewers[viewer] = None
        feed = self._feeds.setdefault(viewer.stream_id, Feed(self._follower, viewer.stream_id, self._labels_of))
        feed.viewers[viewer.outbox] = None
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())

    def want(self, viewer: Viewer, *, media: bool, results: bool) -> None:
        """Change what a viewer gets."""
        outbox, feed = viewer.outbox, self._feeds[viewer.stream_id]
        begins = media and not outbox.wants_media
        outbox.want(media=media, results=results)
        if begins:
            feed.show(outbox)
        feed.update()

    async def begin_results(self, viewer: Viewer) -> None:
        """Return when a viewer gets all results that come from now on."""
        self.want(viewer, media=viewer.outbox.wants_media, results=True)
        await self._feeds[viewer.stream_id].reads_results.wait()

    def remove(self, viewer: Viewer) -> None:
        """Remove a viewer, at most once."""
        del self._viewers[viewer]
        feed = self._feeds[viewer.stream_id]
        del feed.viewers[viewer.outbox]
        feed.update()
        if not feed.viewers:
            del self._feeds[viewer.stream_id]

    def stop(self) -> None:
        """End all sockets and refuse new ones."""
        self._stopped = True
        for viewer in self._viewers:
            viewer.outbox.end(_STOPS)

    async def _look_on(self) -> None:
        failed = False
        while self._viewers:
            try:
                await self._look_once()
                failed = False
            except Exception as error:  # any error of a client library: the next look may succeed
                if not failed:
                    log.warning("cannot read the state of watched streams, retrying: %r", error)
                failed = True
                for viewer in self._viewers:  # which would take the silence for a lost connection
                    viewer.outbox.offer_newest("stats", _UNKNOWN)
            await asyncio.sleep(_PERIOD_SECONDS)

    async def _look_once(self) -> None:
        viewers = list(self._viewers)
        credentials = sorted({viewer.credential for viewer in viewers})
        looked = await run_sync(self._look, credentials, sorted({viewer.stream_id for viewer in viewers}))
        for viewer in viewers:
            if viewer.credential not in looked.credentials:
                viewer.outbox.end(_REVOKED)
            elif (stats := looked.stats.get(viewer.stream_id)) is None:
                viewer.outbox.end(_DELETED)
            else:
                viewer.outbox.offer_newest("stats", stats)

"""Events for viewers: a stream is followed at a scene once for all its viewers, and not at all without one."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from anyio.to_thread import run_sync
from redis.exceptions import RedisError

from api.live.messages import text
from api.live.outbox import Outbox
from api.live.stream_events import Labels, SceneReader, message_fields
from contracts.database.tables import Scene

log = logging.getLogger(__name__)

PERIOD_SECONDS = 0.2
_CATCHING_UP = 2


@dataclass(frozen=True, slots=True)
class Watched:
    """A stream at a scene. dwell: in seconds, None for no such events."""

    stream_id: str
    scene_id: str
    revision: int
    dwell: float | None


MakeReader = Callable[[Watched, Scene], SceneReader]


class SceneFeeds:
    """Those of one process. Only what reads Redis runs in threads."""

    def __init__(self, make: MakeReader, labels_of: Labels) -> None:
        self._make, self._labels_of = make, labels_of
        self._viewers: dict[Watched, set[Outbox]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # What was before is minutes of results: however many viewers begin, other requests keep their threads.
        self._catching_up = asyncio.Semaphore(_CATCHING_UP)

    async def want(self, viewer: Outbox, stream_id: str, scenes: Sequence[Scene], dwell: float | None = None) -> None:
        """From now on, offer a viewer the events at these scenes, and at no others. What was before is known then, and
        not told."""
        wanted = {Watched(stream_id, scene.id, scene.revision, dwell): scene for scene in scenes}
        self._leave_all_but(wanted, viewer)
        for watched, scene in wanted.items():
            if watched not in self._viewers:
                async with self._catching_up:
                    await self._begin(watched, scene)
            self._viewers[watched].add(viewer)

    async def _begin(self, watched: Watched, scene: Scene) -> None:
        if watched in self._viewers:  # for another viewer, whose turn was before
            return
        reader = self._make(watched, scene)
        with suppress(RedisError):  # then some of before are told
            await run_sync(reader.advance)
        if watched in self._viewers:
            return
        viewers = self._viewers[watched] = set()
        task = asyncio.create_task(self._follow(watched, viewers, reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def leave(self, viewer: Outbox) -> None:
        """Offer a viewer no more events."""
        self._leave_all_but((), viewer)

    def _leave_all_but(self, wanted: Collection[Watched], viewer: Outbox) -> None:
        for watched, viewers in list(self._viewers.items()):
            if watched in wanted:
                continue
            viewers.discard(viewer)
            if not viewers:
                del self._viewers[watched]

    async def _follow(self, watched: Watched, viewers: set[Outbox], reader: SceneReader) -> None:
        """Offer events to the viewers while there are any."""
        failed = False
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            if not viewers:
                return
            try:
                for message in await run_sync(self._read, watched, reader):
                    for viewer in viewers:
                        viewer.offer_event(message)
                failed = False
            except RedisError as error:
                if not failed:
                    log.warning("cannot read the results of a stream for its events, retrying: %s", error)
                failed = True
            except Exception:  # a fault of ours: the other viewers and streams go on
                log.exception("cannot tell the events of a stream")

    def _read(self, watched: Watched, reader: SceneReader) -> list[str]:
        """The messages about what is new."""
        found = reader.shown(reader.advance(), self._labels_of)
        documents = [found.document(event) for event in found.events]
        return [text("event", **message_fields(watched.scene_id, document)) for document in documents]

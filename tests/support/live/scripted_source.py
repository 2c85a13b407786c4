"""A source that does what a test says, and what a pipeline writes to, in memory."""

import asyncio
import io
import threading
import time
from collections.abc import Iterable, Sequence

from PIL import Image
from redis.exceptions import ConnectionError as RedisGone

from contracts.live.packets import CodecConfig, Packet
from ingest.packaging.packager import Position
from ingest.packaging.recorder import Action
from ingest.packaging.recording_writer import Failed
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket


def jpeg() -> bytes:
    """A picture of 64x48."""
    sink = io.BytesIO()
    Image.new("RGB", (64, 48)).save(sink, "JPEG")
    return sink.getvalue()


CONFIG = SourceConfig("mjpeg", b"", 64, 48)
PICTURE = jpeg()
Step = SourceConfig | SourcePacket | Exception | None


def picture(*, lost: int = 0, wall: float | None = None) -> SourcePacket:
    """A picture that arrives now."""
    return SourcePacket(None, None, True, time.time(), PICTURE, wall, lost)


class ScriptedSource:
    """Gives out the steps; an exception is raised, None hangs, and so does the end."""

    def __init__(self, steps: Iterable[Step], opening: Exception | None = None, *, hangs: bool = False) -> None:
        self._steps, self._opening, self._hangs = iter(steps), opening, hangs
        self.is_open = self.is_closed = False

    async def open(self) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        if self._opening:
            raise self._opening
        self.is_open = True

    async def read(self) -> SourceConfig | SourcePacket:
        step = next(self._steps, None)
        if step is None:
            await asyncio.Event().wait()
        if isinstance(step, Exception):
            raise step
        assert step is not None
        await asyncio.sleep(0)
        return step

    async def close(self) -> None:
        self.is_closed = True


class Camera:
    """Makes the sources in their order; the last one again and again."""

    def __init__(self, *sources: "ScriptedSource | SourceFailed") -> None:
        self._sources = list(sources)
        self.made: list[ScriptedSource] = []

    def __call__(self) -> ScriptedSource:
        found = self._sources.pop(0) if len(self._sources) > 1 else self._sources[0]
        if isinstance(found, SourceFailed):
            raise found
        self.made.append(found)
        return found


class MemoryPackets:
    """Packets of a stream in memory. is_away: as a Redis that does not answer."""

    def __init__(self, position: Position | None = None) -> None:
        self._position = position or Position()
        self.is_away = False
        self.cleared = 0
        self.items: list[CodecConfig | Packet] = []

    @property
    def packets(self) -> list[Packet]:
        return [item for item in self.items if isinstance(item, Packet)]

    async def position(self) -> Position:
        self._answer()
        return self._position

    async def clear(self) -> None:
        self._answer()
        self.cleared += 1
        self.items.clear()

    async def write(self, items: list[CodecConfig | Packet]) -> None:
        self._answer()
        self.items += items

    def _answer(self) -> None:
        if self.is_away:
            raise RedisGone("gone")


class MemoryDeliveries:
    """What is written and told of recordings. delivered: released by each one. failing: as a storage that cannot be
    written to."""

    is_idle = True

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.delivered = threading.Semaphore(0)

    def deliver(self, actions: Sequence[Action]) -> Failed | None:
        self.actions += actions
        self.delivered.release()
        return None

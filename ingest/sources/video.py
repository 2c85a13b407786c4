"""A stored video in a loop, at its own pace."""

import asyncio
import math
import time
from contextlib import ExitStack

from contracts.errors import NotFound, StorageUnavailable
from contracts.live.streams import Reason
from contracts.storage.port import Storage, video_key
from ingest.sources.demux.child import STORED
from ingest.sources.demux.messages import Looped
from ingest.sources.demux.process import DemuxProcess
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from media.file_handover import handed

_ASK_SECONDS = 5.0  # between two looks whether the video still exists


class VideoSource:
    """Reads a video of the storage."""

    def __init__(self, video_id: str, storage: Storage) -> None:
        self._key, self._storage = video_key(video_id), storage
        self._open = ExitStack()
        self._process: DemuxProcess | None = None
        self._config: SourceConfig | None = None
        self._asked = -math.inf

    async def open(self) -> None:
        try:
            file = self._open.enter_context(await asyncio.to_thread(self._storage.open, self._key))
        except NotFound:
            raise _missing() from None
        except StorageUnavailable:
            raise SourceFailed(Reason.UNREACHABLE, "the storage of the video does not answer") from None
        descriptor = self._open.enter_context(handed(file))
        self._process = DemuxProcess([STORED, str(descriptor)], [descriptor])
        await self._process.start()

    async def read(self) -> SourceConfig | SourcePacket:
        assert self._process is not None  # noqa: S101
        while True:
            item = await self._process.receive()
            if isinstance(item, Looped):
                if time.monotonic() > self._asked + _ASK_SECONDS:
                    self._asked = time.monotonic()
                    await self._require_video()
            elif isinstance(item, SourcePacket):
                return item
            elif item != self._config:
                self._config = item
                return item

    async def close(self) -> None:
        if self._process is not None:
            await self._process.close()
        await asyncio.to_thread(self._open.close)

    async def _require_video(self) -> None:
        try:
            await asyncio.to_thread(self._storage.size, self._key)
        except NotFound:
            raise _missing() from None
        except StorageUnavailable:
            pass  # the file is open all the same


def _missing() -> SourceFailed:
    return SourceFailed(Reason.SOURCE_MISSING, "the video of this stream was deleted: choose another", permanent=True)

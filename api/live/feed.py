"""One watched stream: reads its packets and results from Redis, and offers them to all its viewers in this process."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from redis.exceptions import RedisError

from api.live.follower import Follower
from api.live.frame_group import FrameGroup
from api.live.messages import result
from api.live.outbox import Outbox
from contracts.live import keys, packets, results
from contracts.live.packet_reader import start_after
from contracts.live.packets import CodecConfig

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
# After so long without an error, the next one is logged again.
_STABLE_SECONDS = 10.0

# The labels by class number of the plan with a number.
LabelsOf = Callable[[str, int], Coroutine[Any, Any, tuple[str, ...]]]


class Feed:
    """Reads packets while a viewer wants media, and results while one wants results."""

    def __init__(self, follower: Follower, stream_id: str, labels_of: LabelsOf) -> None:
        self.viewers: dict[Outbox, None] = {}
        self._follower = follower
        self._id = stream_id
        self._labels_of = labels_of
        self._group = FrameGroup()
        self._result: bytes | None = None  # id of the newest that was read
        self.reads_results = asyncio.Event()
        self._reading: dict[str, asyncio.Task[None]] = {}

    def update(self) -> None:
        """Read what the viewers want now. To be called after each change of them."""
        wants_media = any(viewer.wants_media for viewer in self.viewers)
        if not wants_media:
            self._group = FrameGroup()
        wants_results = any(viewer.wants_results for viewer in self.viewers)
        if not wants_results:
            self._result = None
            self.reads_results.clear()
        self._read("packets", wants_media, self._read_packets)
        self._read("results", wants_results, self._read_results)

    def show(self, viewer: Outbox) -> None:
        """Offer a viewer what the others have been shown since the last keyframe, so that it begins at once."""
        self._group.show(viewer)

    def _read(self, what: str, wanted: bool, read: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if not wanted and (task := self._reading.pop(what, None)):
            task.cancel()
        elif wanted and what not in self._reading:
            self._reading[what] = asyncio.create_task(self._read_on(what, read))

    def _reads(self, what: str) -> bool:
        """Whether the current task is still the one that reads it. To be asked all the time: the library of Redis may
        swallow a cancellation."""
        return self._reading.get(what) is asyncio.current_task()

    async def _read_on(self, what: str, read: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Read while it is wanted, also after errors."""
        failed = False
        while self._reads(what):
            began = asyncio.get_running_loop().time()
            try:
                await read()
            except RedisError as error:
                if not failed:
                    log.warning("cannot read the %s of a stream, retrying: %s", what, error)
                failed = asyncio.get_running_loop().time() - began < _STABLE_SECONDS
            except Exception:  # a fault of ours: the other viewers and streams go on
                log.exception("cannot read the %s of a stream, retrying", what)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _read_packets(self) -> None:
        keyframe: Any = await self._follower.client.get(keys.keyframe(self._id))
        async for entries in self._follower.follow(keys.packets(self._id), start_after(keyframe)):
            if not self._reads("packets"):
                return
            for _, fields in entries:
                try:
                    packet = packets.decode_packet(fields[packets.FIELD])
                except (msgspec.DecodeError, KeyError):  # written by another release
                    continue
                watching = [viewer for viewer in self.viewers if viewer.wants_media]
                if self._group.needs_config(packet):
                    self._group.begin(await self._config(packet.config), watching)
                self._group.add(packet, watching)

    async def _config(self, number: int) -> CodecConfig | None:
        data: Any = await self._follower.client.hget(keys.configs(self._id), str(number))
        try:
            return packets.decode_config(data) if data else None
        except msgspec.DecodeError:
            return None

    async def _read_results(self) -> None:
        key = keys.results(self._id)
        if self._result is None:
            self._result = await self._follower.newest(key)
        self.reads_results.set()
        async for entries in self._follower.follow(key, self._result):
            if not self._reads("results"):
                return
            for self._result, fields in entries:
                try:
                    frame = results.decode(fields[results.FIELD])
                except (msgspec.DecodeError, KeyError):
                    continue
                one = result(frame, await self._labels_of(self._id, frame.plan))
                for viewer in self.viewers:
                    if viewer.wants_results:
                        viewer.offer_result(one)

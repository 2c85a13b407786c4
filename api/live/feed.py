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
from contracts.live.packets import CodecConfig, Packet
from contracts.live.results import LiveFrame

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
        self._packet: Packet | None = None  # waits for its configuration
        self._result: LiveFrame | None = None  # waits for its labels
        self._labels: tuple[int, tuple[str, ...]] = (-1, ())  # of the plan with a number
        self._last_result: bytes | None = None  # id of the newest that was read
        self.reads_results = asyncio.Event()
        self._reading: dict[str, asyncio.Task[None]] = {}

    def update(self) -> None:
        """Read what the viewers want now. To be called after each change of them."""
        wants_media = any(viewer.wants_media for viewer in self.viewers)
        if not wants_media:
            self._group = FrameGroup()
        wants_results = any(viewer.wants_results for viewer in self.viewers)
        if not wants_results:
            self._last_result = None
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
        async with self._follower.tail(keys.packets(self._id), start_after(keyframe)) as tail:
            while self._reads("packets"):
                await tail.read(self._take_packet)
                if (packet := self._packet) is not None:
                    config = await self._config(packet.config)
                    self._group.begin(config, self._watching())
                    self._group.add(packet, self._watching())

    def _take_packet(self, fields: dict[bytes, bytes]) -> bool:
        """Offer a packet. False: it is kept, since its configuration has to be read first."""
        self._packet = None
        try:
            packet = packets.decode_packet(fields[packets.FIELD])
        except (msgspec.DecodeError, KeyError):  # written by another release
            return True
        if self._group.needs_config(packet):
            self._packet = packet
            return False
        self._group.add(packet, self._watching())
        return True

    def _watching(self) -> list[Outbox]:
        return [viewer for viewer in self.viewers if viewer.wants_media]

    async def _config(self, number: int) -> CodecConfig | None:
        data: Any = await self._follower.client.hget(keys.configs(self._id), str(number))
        try:
            return packets.decode_config(data) if data else None
        except msgspec.DecodeError:
            return None

    async def _read_results(self) -> None:
        key = keys.results(self._id)
        if self._last_result is None:
            self._last_result = await self._follower.newest(key)
        self.reads_results.set()
        async with self._follower.tail(key, self._last_result) as tail:
            try:
                while self._reads("results"):
                    await tail.read(self._take_result)
                    if (frame := self._result) is not None:
                        self._labels = frame.plan, await self._labels_of(self._id, frame.plan)
                        self._offer(frame)
            finally:
                if self._reads("results"):  # else it begins with the newest next time
                    self._last_result = tail.last

    def _take_result(self, fields: dict[bytes, bytes]) -> bool:
        """Offer a result. False: it is kept, since the labels of its plan have to be found first."""
        self._result = None
        frame = results.read(fields)
        if frame is None:
            return True
        plan, labels = self._labels
        if frame.plan != plan or not labels:
            self._result = frame
            return False
        self._offer(frame)
        return True

    def _offer(self, frame: LiveFrame) -> None:
        one = result(frame, self._labels[1])
        for viewer in self.viewers:
            if viewer.wants_results:
                viewer.offer_result(one)

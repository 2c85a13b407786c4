"""From what a source reads to Redis and to the recording: packager, writer and recorder of one stream."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol

import msgspec
from redis.exceptions import RedisError

from contracts.live.packets import CodecConfig, Packet
from contracts.live.recordings import RecordingEnd
from contracts.live.streams import RecordingOptions
from ingest.packaging.packager import Packager, Position
from ingest.packaging.recorder import Action, Ended, Recorder, Written
from ingest.packaging.recording_writer import Failed
from ingest.rates import Rates
from ingest.sources.port import SourceConfig, SourcePacket

log = logging.getLogger(__name__)

_CONFIG_SECONDS = 5.0  # interval at which a configuration is written again: Redis may have been emptied
_PAUSE_SECONDS = 1.0  # without Redis, a packet is tried so often
_RECORD_SECONDS = 1.0  # interval of the recording's writes
_HELD_BYTES = 48 * 1024**2  # of a recording, while the storage hangs
_END_SECONDS = 8.0  # that the end of a recording may take


class Packets(Protocol):
    """See ingest.packaging.packet_writer.PacketWriter."""

    async def position(self) -> Position: ...

    async def clear(self) -> None: ...

    async def write(self, items: list[CodecConfig | Packet]) -> None: ...


class Deliveries(Protocol):
    """See ingest.packaging.recording_writer.RecordingWriter."""

    @property
    def is_idle(self) -> bool: ...

    def deliver(self, actions: Sequence[Action]) -> Failed | None: ...


class Pipeline:
    """Of one stream. `begin` comes first; `record` runs beside the reader of the source, until it is cancelled, and
    `end` comes after it."""

    def __init__(
        self,
        started_at: float,
        packets: Packets,
        recorder: Recorder,
        deliveries: Deliveries,
        executor: Executor,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """executor: for the deliveries, which block. may_write: whether this ingest still has the stream."""
        self._packager, self._started_at = Packager(started_at), started_at
        self._packets, self._recorder, self._deliveries = packets, recorder, deliveries
        self._executor, self._may_write = executor, may_write
        self._gap = False  # packets were not written
        self._not_before = 0.0
        self._config_at = 0.0
        self._delivery: asyncio.Task[None] | None = None
        self._held = 0  # bytes of the recording since the last delivery began
        self._kept: list[Action] = []
        self.rates = Rates()
        self.lost = 0

    @property
    def config(self) -> CodecConfig | None:
        """The current configuration."""
        return self._packager.config

    @property
    def recording(self) -> tuple[str | None, str]:
        """Id of the current recording, and the code of what keeps it from being made."""
        return self._recorder.current, self._recorder.error

    async def begin(self) -> None:
        """Go on where another ingest ended. Raises RedisError."""
        position = await self._packets.position()
        if position.arrival < self._started_at:  # of an earlier run, with another clock
            await self._packets.clear()
            position = Position()
        self._packager = Packager(self._started_at, position)
        if position.packet:
            self._packager.reconnected()

    async def accept(self, item: SourceConfig | SourcePacket) -> bool:
        """Pass on what a source has read. Whether that made a packet of the stream."""
        if isinstance(item, SourceConfig):
            self._packager.configure(item)
            return False
        self.lost += item.lost
        lag = None if item.wall is None else item.arrival - item.wall
        self.rates.count(time.monotonic(), len(item.data), lag)
        items = self._packager.packet(item)
        packets = [made for made in items if isinstance(made, Packet)]
        config = self._packager.config
        if not packets or config is None:
            return False
        for packet in packets:
            self._recorder.packet(config, packet)
            self._hold(packet)
        await self._write(items, packets, config)
        return True

    def reconnected(self) -> None:
        """The source is connected anew."""
        self._packager.reconnected()
        self._config_at = 0.0
        self._recorder.end(RecordingEnd.LOST)

    def change(self, options: RecordingOptions | None, stopped: str = "") -> None:
        """Record with other options, or no longer. stopped: why not, where the user wants it."""
        self._recorder.change(options, stopped)

    def cut(self) -> None:
        """What is detected changes: begin a new recording."""
        self._recorder.cut()

    async def record(self) -> None:
        """Write the recording, once a second."""
        while True:
            await asyncio.sleep(_RECORD_SECONDS)
            await self._deliver()

    async def end(self, reason: RecordingEnd) -> None:
        """End the recording, and write what is left of it, for some seconds at most."""
        self._recorder.end(reason)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._deliver()
                while not self._deliveries.is_idle:
                    await asyncio.sleep(_RECORD_SECONDS)
                    await self._deliver()
        except TimeoutError:
            log.warning("the end of a recording could not be written")

    async def forget(self) -> None:
        """Remove the packets. Raises RedisError."""
        await self._packets.clear()

    async def _write(self, items: list[CodecConfig | Packet], packets: list[Packet], config: CodecConfig) -> None:
        now = time.monotonic()
        if now < self._not_before or not self._may_write():
            self._gap = True
            return
        if self._gap:
            items = [config, msgspec.structs.replace(packets[0], restart=True), *packets[1:]]
        elif packets[0].key and now - self._config_at >= _CONFIG_SECONDS:
            items = [config, *packets]
        if isinstance(items[0], CodecConfig):
            self._config_at = now
        try:
            await self._packets.write(items)
        except RedisError as error:
            if not self._gap:
                log.warning("packets are not written for now: %s", error)
            self._gap, self._not_before = True, time.monotonic() + _PAUSE_SECONDS
            return
        self._gap = False

    async def _deliver(self) -> None:
        """Write what there is. A thread cannot be cancelled: a delivery whose waiter is cancelled goes on, and the next
        one begins after its end."""
        if self._delivery is not None:
            await asyncio.wait([self._delivery])
        actions, self._kept, self._held = [*self._kept, *self._recorder.take()], [], 0
        if not actions and self._deliveries.is_idle:
            return
        self._delivery = asyncio.create_task(self._delivered(actions))
        await asyncio.shield(self._delivery)

    async def _delivered(self, actions: list[Action]) -> None:
        loop = asyncio.get_running_loop()
        failed = await loop.run_in_executor(self._executor, self._deliveries.deliver, actions)
        if failed is not None:
            self._recorder.failed(failed.id, failed.error)

    def _hold(self, packet: Packet) -> None:
        """Count what the recording holds; end it where a delivery takes so long that it becomes too much."""
        if self._recorder.current is None:
            return
        self._held += len(packet.head) + len(packet.data)
        if self._held > _HELD_BYTES:
            self._held = 0
            self._recorder.end(RecordingEnd.STORAGE_FULL)
            for action in self._recorder.take():
                if isinstance(action, Ended):  # it ends with what is written by then
                    self._kept.append(Ended(action.id, 0, 0, action.reason))
                elif not isinstance(action, Written):
                    self._kept.append(action)
            self._recorder.failed("", "storage_unavailable")

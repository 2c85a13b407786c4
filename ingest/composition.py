"""The parts of an ingest process, put together."""

import asyncio
import importlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from contracts.coordination.leases import Coordination
from contracts.errors import SealBroken
from contracts.live.redis_line import RedisLine
from contracts.live.sealing import unseal
from contracts.live.streams import Reason
from contracts.metrics.table import Reading
from contracts.metrics.totals import Counts
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.workers.registration import IngestLoad, connect, worker_name
from ingest.assignment.assignment import Assignment
from ingest.assignment.desk import Desk, Taken
from ingest.assignment.membership import Membership
from ingest.assignment.metering import StreamMeter
from ingest.cancelling import cancelled
from ingest.packaging.packet_writer import PacketWriter
from ingest.packaging.recorder import Recorder
from ingest.packaging.recording_writer import RecordingWriter
from ingest.pipeline import Pipeline
from ingest.recording_messages import Sender
from ingest.runner import Runner
from ingest.sources.port import Source, SourceFailed

if TYPE_CHECKING:
    from ingest.webrtc.door import WhipDoor

log = logging.getLogger(__name__)

_WRITE_SECONDS = 1.0  # a packet that Redis does not take by then is dropped
_WAIT_SECONDS = 5.0  # for reads of Redis that wait for a second
_RECORDING_THREADS = 4
_WRITTEN_SECONDS = 5.0  # that a write may take which the end of its stream has not waited for
_LOOK_SECONDS = 0.05


class Ingest:
    """Of one process: `tick` about once a second, `close` at its end."""

    def __init__(self, settings: Settings, counts: Counts | None = None) -> None:
        url = settings.coordination_url
        client = connect(url)
        self._settings = settings
        self.instance = worker_name()
        self._membership = Membership(client, self.instance, settings.heartbeat_file, _load(self.instance, settings))
        self._coordination = Coordination(client)
        self._storage = open_storage(settings)
        self._packets = RedisLine(url, _WRITE_SECONDS)
        self._reads = _client(url, _WAIT_SECONDS)
        self._send = Sender(settings)
        self._threads = ThreadPoolExecutor(_RECORDING_THREADS, "recording")
        self._desk = Desk(client, self._membership)
        self._meter = StreamMeter(counts or Counts(), settings.metrics_streams)
        self._assignment = Assignment(self._desk, self._runner, self._meter)
        self._door: asyncio.Task[None] | None = None

    def readings(self) -> list[Reading]:
        """The gauges of this process; may be called in any thread."""
        return self._meter.readings()

    async def tick(self) -> None:
        """Renew, take and give back streams."""
        await self._assignment.tick()
        if (self._door is None or self._door.done()) and self._desk.has_senders:
            # With the first stream of the kind: the library needs as much memory as all else together.
            module = await asyncio.to_thread(importlib.import_module, "ingest.webrtc.door")
            self._door = asyncio.create_task(self._whip_door(module.WhipDoor).run())

    async def close(self) -> bool:
        """End all streams in order. False where the storage hangs: the threads that wait for it cannot be ended, and
        would keep the process from its end."""
        if self._door is not None:
            await cancelled(self._door)
        await self._assignment.end()
        await self._packets.close()
        await self._reads.aclose()
        await asyncio.to_thread(self._membership.end)
        return await self._written()

    async def _written(self) -> bool:
        """Whether all writes of recordings have ended in time."""
        # Not by a pool of threads, which the end of the loop waits for.
        waiter = threading.Thread(target=self._threads.shutdown, name="written", daemon=True)
        waiter.start()
        late = time.monotonic() + _WRITTEN_SECONDS
        while waiter.is_alive() and time.monotonic() < late:
            await asyncio.sleep(_LOOK_SECONDS)
        return not waiter.is_alive()

    def _whip_door(self, kind: "type[WhipDoor]") -> "WhipDoor":
        from ingest.webrtc.endpoints import Network

        url, network = self._settings.coordination_url, Network.of(self._settings)
        return kind(url, self.instance, network, self._assignment, self._coordination)

    def _runner(self, taken: Taken, source: Source | None) -> Runner:
        """What reads a stream that was taken."""
        spec, settings = taken.spec, self._settings
        pipeline = Pipeline(
            spec.started_at,
            PacketWriter(self._packets, spec.id, settings.stream_buffer_bytes),
            Recorder(spec.id, spec.user_id, self.instance, spec.record, spec.record_stopped),
            RecordingWriter(self._storage.resumable(), self._send, spec.id),
            self._threads,
            lambda: taken.lease.is_held,
        )
        connect_to: Callable[[], Source] = partial(self._source, taken) if source is None else lambda: source
        return Runner(self.instance, spec, connect_to, pipeline, settings.stream_silent_seconds, source is None)

    def _source(self, taken: Taken) -> Source:
        from ingest.sources.registry import Means, source_of  # with the first stream: an idle ingest is small

        address, settings = "", self._settings
        if taken.sealed_address:
            try:
                address = unseal(settings.stream_secret_key, taken.spec.id, taken.sealed_address)
            except SealBroken as error:
                raise SourceFailed(Reason.SOURCE_BROKEN, error.detail, permanent=True) from error
        means = Means(settings.stream_networks, self._storage, self._reads, float(settings.stream_silent_seconds))
        return source_of(taken.spec, address, means)


def _load(instance: str, settings: Settings) -> IngestLoad:
    ports = settings.webrtc_ports
    return IngestLoad(
        instance,
        has_stream_key=bool(settings.stream_secret_key),
        udp_ports=settings.webrtc_udp_ports,
        udp_room=ports and ports[1] - ports[0] + 1,
    )


def _client(url: str, seconds: float) -> Redis:
    return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0))

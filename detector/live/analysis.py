"""The part of the process that analyses: streams, lanes, engines and the writer. Imported with the first stream, since
its libraries are large."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

import redis

from contracts.live.presence import DetectorPresence
from contracts.live.streams import StreamSpec
from contracts.metrics.totals import Counts
from contracts.models.catalogue import Catalogue, Model
from contracts.settings.table import Settings
from contracts.workers.registration import Loaded
from detector.decode.processes import ForkServer
from detector.engine import Engine, EngineConfig
from detector.engines.loaded import Engines
from detector.engines.published import Published
from detector.live.lane import Lane
from detector.live.stream import READ_MS, Stream, Surroundings
from detector.live.writer import Writer
from detector.metering import Meter

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 5.0
_ENDING_SECONDS = 10.0


class Analysis:
    """The streams of this process."""

    def __init__(
        self,
        settings: Settings,
        instance: str,
        on_loaded: Callable[[Sequence[Loaded]], None],
        counts: Counts | None = None,
    ) -> None:
        """instance: name of this process. on_loaded: called with all loaded models and their speeds after each load,
        and now and then. counts: for metrics."""
        self._redis = redis.Redis.from_url(
            settings.coordination_url,
            socket_timeout=READ_MS / 1000 + _ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
        )
        config = EngineConfig(settings.detector_device, settings.detector_threads, settings.detector_batch, ahead=False)
        self._meter = Meter(counts)
        self._published = Published(on_loaded, self._meter.speeds.of)
        self._meter.on_change = self._published.again
        self._engines = Engines(settings.models_path, config, self._published.set)
        self._precision = settings.precision
        self._loading = threading.Lock()
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._lanes_lock = threading.Lock()
        self._fork_server = ForkServer()
        self._writer = Writer(self._redis)
        self._streams: dict[str, Stream] = {}
        self._ending: list[Stream] = []
        catalogue = Catalogue(settings.models_path)
        self._around = Surroundings(
            self._redis,
            catalogue.get,
            self._lane,
            self._fork_server,
            settings.max_frame_pixels,
            instance,
            tracked=settings.tracks == "on",
            results_minutes=settings.stream_results_minutes,
            counts=counts or Counts(),
        )

    def start(self, spec: StreamSpec, seconds: float) -> None:
        """Analyse a stream, whose lock is held for so many seconds."""
        stream = self._streams[spec.id] = Stream(spec, self._around)
        stream.hold(seconds)
        stream.start()

    def hold(self, stream_id: str, seconds: float) -> None:
        """A stream's lock is held for so many seconds from now on."""
        self._streams[stream_id].hold(seconds)

    def update(self, spec: StreamSpec) -> None:
        """Go on with another revision of a stream."""
        self._streams[spec.id].update(spec)

    def stop(self, stream_ids: Sequence[str]) -> None:
        """Analyse these streams no more. Does not wait for the end of their threads."""
        for stream_id in stream_ids:
            stream = self._streams.pop(stream_id)
            stream.stop()
            self._ending.append(stream)

    def presences(self) -> dict[str, DetectorPresence]:
        """What is known of each stream."""
        if self._ending:
            self._ending = [stream for stream in self._ending if not stream.has_ended()]
            self._writer.forget_all_but(self._streams)
            if not self._ending and not self._streams:
                self._fork_server.close()  # idle, it would cost memory
        return {stream_id: stream.presence() for stream_id, stream in self._streams.items()}

    def close(self) -> None:
        """End everything."""
        self.stop(list(self._streams))
        for stream in self._ending:
            stream.has_ended(_ENDING_SECONDS)
        for lane in self._lanes.values():
            lane.stop()
        self._writer.stop()
        self._fork_server.close()
        self._redis.close()

    def _lane(self, model: Model) -> Lane:
        with self._lanes_lock:
            key = (model.id, model.digest())
            if key not in self._lanes:
                served = partial(self._meter.served, model.id)
                self._lanes[key] = Lane(model, lambda: self._engine(model), self._writer.put, served)
            return self._lanes[key]

    def _engine(self, model: Model) -> Engine:
        with self._loading:  # one at a time
            return self._engines.get(model, self._precision)

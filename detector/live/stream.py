"""One stream that this detector analyses: its packets through its decoder to the lane of its model."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import redis

from contracts.errors import WebDetectorError
from contracts.live.packet_reader import MOST_ENTRIES, Entry, PacketReader
from contracts.live.packets import CodecConfig, Packet
from contracts.live.plans import kept, number_of, revision_of
from contracts.live.presence import DetectorPresence
from contracts.live.results import LiveFrame
from contracts.live.streams import DropReason, StreamSpec
from contracts.metrics.table import FRAME_TO_BOX
from contracts.metrics.totals import Counts
from contracts.models.catalogue import Model
from contracts.runtime.steps import fail, step
from contracts.runtime.tracing import about
from contracts.wire.messages import Plan
from detector.decode.processes import ForkServer
from detector.live.accounts import Accounts
from detector.live.lane import Lane, LaneState
from detector.live.meter import Meter
from detector.live.pictures import Pictures
from detector.live.plans import StreamPlans
from detector.live.retention import Retention
from detector.live.tracks import StreamTracks, newest_result

log = logging.getLogger(__name__)

READ_MS = 1000
_RETRY_SECONDS = 1.0
_LANE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What streams share. model: the entry of an id, raises WebDetectorError. lane: of a model. fork_server: of
    the decoders. frame_pixels: most pixels of a frame. tracked: whether objects are tracked. results_minutes: for which
    results are kept at least. counts: for metrics."""

    redis: "redis.Redis"
    model: Callable[[str], Model]
    lane: Callable[[Model], Lane]
    fork_server: ForkServer
    frame_pixels: int
    instance: str
    tracked: bool
    results_minutes: float
    counts: Counts = field(default_factory=Counts)


class Stream:
    """A stream in a thread of its own, from start to stop. See detector.live.frames.Owner."""

    def __init__(self, spec: StreamSpec, around: Surroundings) -> None:
        self.accounts = Accounts(around.counts)
        self.id = spec.id
        self.tracks = StreamTracks(around.redis, spec.id) if around.tracked else None
        self._around = around
        self._wanted = spec
        self._held_until = 0.0
        self._reader = PacketReader(around.redis, spec.id)
        self.retention = Retention(around.results_minutes)
        self._plans = StreamPlans(around.redis, spec.id)
        self._meter, self._meter_lock = Meter(), threading.Lock()
        self._spec: StreamSpec | None = None  # as it is analysed now
        self._lane: Lane | None = None
        self._pictures = Pictures(self, around.fork_server, around.frame_pixels)
        self._config: CodecConfig | None = None
        self._served: LiveFrame | None = None  # the newest result of another detector, until its frame has come
        self._resuming = True  # packets before the next one were left out here
        self._error = self._detail = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream {spec.id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin to end; the results of what the engine has still come."""
        self._stopping.set()

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Whether the thread has ended; waits so long for that."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def update(self, spec: StreamSpec) -> None:
        """Go on as in that revision."""
        self._wanted = spec

    def hold(self, seconds: float) -> None:
        """This detector has the stream's lock for so long."""
        self._held_until = time.monotonic() + seconds

    @property
    def is_held(self) -> bool:
        return time.monotonic() < self._held_until

    def note_result(self, frame: LiveFrame) -> None:
        latency = max(0.0, frame.done - frame.arrival)
        self._around.counts.add(FRAME_TO_BOX, latency)
        with self._meter_lock:
            self._meter.note(time.monotonic(), latency)

    def presence(self) -> DetectorPresence:
        """What is known of the stream."""
        totals, lane, now = self.accounts.totals(), self._lane, time.monotonic()
        info = lane.info if lane and self._reader.has_begun else None
        found = [(self._error, self._detail), (self._pictures.error, self._pictures.detail)]
        found += [(lane.error, lane.detail)] if lane else []
        error, detail = next((one for one in found if one[0]), ("", ""))
        with self._meter_lock:
            fps, latency = self._meter.fps(now), self._meter.latency_ms(now)
        return DetectorPresence(
            self._around.instance,
            round(fps, 2),
            latency,
            totals.analysed,
            totals.dropped,
            totals.skipped,
            info.engine if info else "",
            info.precision if info else "",
            error,
            detail,
        )

    def _run(self) -> None:
        with about(stream=self.id), step("analyse", begins=True) as session:
            self._analyse()
            totals = self.accounts.totals()
            session.note(analysed=totals.analysed, skipped=totals.skipped, dropped=sum(totals.dropped.values()))

    def _analyse(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._step()
                except redis.RedisError as error:
                    log.warning("the packets of stream %s cannot be read: %s", self.id, error)
                    self._stopping.wait(_RETRY_SECONDS)
                except WebDetectorError as error:
                    self._error, self._detail = error.code, error.detail
                    fail(error.code)
                    self._resume_later(_RETRY_SECONDS)
                except Exception as error:
                    log.exception("unexpected error in stream %s", self.id)
                    self._error, self._detail = "internal", f"{error!r}; see the detector's log"
                    fail(self._error)
                    self._pictures.close()
                    self._resume_later(_RETRY_SECONDS)
        finally:
            self._leave_lane()
            self._pictures.close()

    def _step(self) -> None:
        """Read and analyse the next packets."""
        if self._spec is not self._wanted:
            self._follow(self._wanted)
        lane = self._lane
        if lane is None or lane.state is not LaneState.READY or self._spec is not self._wanted:
            self._resume_later(_LANE_SECONDS)
            return
        self._plans.write()
        entries = self._reader.read(READ_MS)
        if len(entries) == MOST_ENTRIES and self._reader.catch_up():
            self._resuming = True
            return
        for entry in entries:
            self._take(entry, lane)
        if entries:
            self._error = self._detail = ""

    def _resume_later(self, seconds: float) -> None:
        """Analyse nothing for now, and go on with the newest keyframe."""
        self._stopping.wait(seconds)
        self._reader.restart()
        self._resuming = True

    def _follow(self, spec: StreamSpec) -> None:
        """Analyse as in that revision. Raises WebDetectorError where its model is not there."""
        model = self._around.model(spec.model)
        if self._lane is None or self._lane.model != model:
            self._leave_lane()
            self._lane = self._around.lane(model)
            self._lane.join(self)
        lane = self._lane
        if lane.info is None:
            return  # its plan is not known yet
        plan = Plan(
            spec.model, model.digest(), lane.info.engine, lane.info.precision, spec.options.as_job(), lane.info.provider
        )
        number = number_of(spec.revision, plan)
        self._plans.follow(number, kept(plan, model.labels), self.retention.seconds(spec))
        self._pictures.follow(spec, model, number)
        if self._spec is None:
            served = newest_result(self._around.redis, self.id)
            # A later revision may be a new start, with a clock of its own.
            self._served = served if served is not None and revision_of(served.plan) == spec.revision else None
        self._spec, self._error, self._detail = spec, "", ""

    def _leave_lane(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            lane.leave(self)

    def _take(self, entry: Entry, lane: Lane) -> None:
        entry_id, packet = entry
        broken = packet.restart or not self.accounts.follows(packet)
        if broken or self._config is None or self._config.number != packet.config:
            # Its number alone does not tell it from that of an earlier start.
            self._config = self._reader.config(packet.config)
        counted = not self._has_result(packet) and not self._reader.is_old(entry_id)
        if counted or self.accounts.have_begun:
            self.accounts.arrive(packet, DropReason.BEHIND if self._resuming else DropReason.TRANSPORT)
            self.accounts.drop(DropReason.BEHIND, int(not counted))
        else:
            self.accounts.pass_over(packet)
        self._resuming = False
        if self._config is None:
            self.accounts.drop(DropReason.NETWORK, int(counted))
            return
        free_slot = partial(lane.free_slot, self)
        ready = self._pictures.decoded(packet, self._config, broken=broken, counted=counted, free_slot=free_slot)
        if ready is not None:
            lane.put(ready)

    def _has_result(self, packet: Packet) -> bool:
        """Whether the frame has a result, or was left out, by the detector that had the stream before."""
        served = self._served
        if served is not None and packet.pts <= served.pts and packet.arrival <= served.arrival:
            return True
        self._served = None
        return False

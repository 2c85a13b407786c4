"""Detectors as a queue with many servers, in steps of a second: what waits, who is there, what an autoscaler sees."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from math import ceil

from api.watch.scale import scale, wanted_fps
from benchmarks.scaling_simulator.hpa import SYNC_SECONDS, Autoscaler, by_average, by_value

# What comes at a second: frames of jobs, or frames per second of streams.
Load = Callable[[int], float]


class Signal(Enum):
    """What the autoscaler is told."""

    WANTED = "detectors wanted"
    RATIO = "scale ratio"
    QUEUE = "length of the queue"


@dataclass(frozen=True, slots=True)
class Detectors:
    """Figures of one detector and its pods. speed: frames per second, of about one and a half cores
    (docs/performance.md). start: seconds from the decision to the first chunk. lag: age of what the autoscaler reads;
    KEDA asks the api, Prometheus is later. window: chunks that are sent per detector. queue_target: messages per
    detector, where the queue is the signal."""

    speed: float = 25.0
    start: int = 45
    lag: int = 5
    chunk: int = 240
    window: int = 6
    target: int = 60
    queue_target: float = 5.0


@dataclass
class Trace:
    """By the second: pods that were asked for, detectors that worked, frames that waited (jobs) or wanted per second
    (streams)."""

    replicas: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)

    def reversals(self) -> int:
        """How often the number of pods turned from growing to shrinking, or back."""
        steps = [b - a for a, b in pairwise(self.replicas) if b != a]
        return sum((a > 0) != (b > 0) for a, b in pairwise(steps))

    def emptied(self, after: int = 0) -> int | None:
        """The first second at which nothing waits."""
        return next((at for at, frames in enumerate(self.waiting) if at >= after and frames <= 0), None)


def jobs(
    load: Load, seconds: int, scaler: Autoscaler, detectors: Detectors, signal: Signal = Signal.WANTED, pods: int = 1
) -> Trace:
    """Jobs: frames that come are kept until they are done. pods: ready at the beginning."""
    run = _Run(scaler, detectors, signal, pods)
    for now in range(seconds):
        run.waiting += load(now)
        ready = run.begin(now)
        # A chunk is done by one detector: the last ones leave the others without work.
        busy = min(ready, ceil(run.waiting / detectors.chunk))
        run.waiting = max(0.0, run.waiting - busy * detectors.speed)
        run.end(now, wanted_fps(ceil(run.waiting), detectors.target))
    return run.trace


def streams(load: Load, seconds: int, scaler: Autoscaler, detectors: Detectors, pods: int = 1) -> Trace:
    """Streams: what is not analysed at once is dropped, so that nothing waits and no queue can be the signal."""
    run = _Run(scaler, detectors, Signal.WANTED, pods)
    for now in range(seconds):
        run.waiting = load(now)
        run.begin(now)
        run.end(now, run.waiting)
    return run.trace


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the service said at a time."""

    wanted: int
    ratio: float
    queue: float


class _Run:
    def __init__(self, scaler: Autoscaler, detectors: Detectors, signal: Signal, pods: int) -> None:
        self.trace, self.waiting = Trace(), 0.0
        self._scaler, self._detectors, self._signal = scaler, detectors, signal
        self._replicas, self._ready = pods, pods
        self._starting: deque[tuple[int, int]] = deque()
        self._seen: dict[int, _Seen] = {}

    def begin(self, now: int) -> int:
        """Detectors that work in this second."""
        while self._starting and self._starting[0][0] <= now:
            self._ready += self._starting.popleft()[1]
        return self._ready

    def end(self, now: int, demand: float) -> None:
        """Note this second; where it is time, let the autoscaler decide."""
        if (now + self._detectors.lag) % SYNC_SECONDS == 0:
            self._seen[now] = self._look(demand)
        if now % SYNC_SECONDS == 0 and (seen := self._seen.pop(now - self._detectors.lag, None)):
            self._resize(now, self._scaler.replicas(now, self._replicas, self._desired(seen)))
        self.trace.replicas.append(self._replicas)
        self.trace.ready.append(self._ready)
        self.trace.waiting.append(self.waiting)

    def _look(self, demand: float) -> _Seen:
        found = scale(demand, [self._detectors.speed] * self._ready)
        sent = min(ceil(self.waiting / self._detectors.chunk), self._detectors.window * self._ready)
        return _Seen(found.wanted, found.ratio, sent)

    def _desired(self, seen: _Seen) -> int:
        if self._signal is Signal.RATIO:
            return by_value(seen.ratio, 1.0, self._replicas, self._ready)
        if self._signal is Signal.QUEUE:
            return by_average(seen.queue, self._detectors.queue_target, self._replicas)
        return by_average(seen.wanted, 1.0, self._replicas)

    def _resize(self, now: int, replicas: int) -> None:
        """Pods that start are removed before those that work; these finish or hand back their chunk."""
        if replicas > self._replicas:
            self._starting.append((now + self._detectors.start, replicas - self._replicas))
        surplus = self._replicas - replicas
        while surplus > 0 and self._starting:
            at, pods = self._starting.pop()
            if pods > surplus:
                self._starting.append((at, pods - surplus))
            surplus -= min(pods, surplus)
        self._ready -= max(0, surplus)
        self._replicas = replicas

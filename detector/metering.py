"""What a detector's attempts at chunks are counted by: stages, frames, outcomes, and its speed, with which scaling
reckons. Counted once per chunk; in between, a few additions per frame."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import TypeVar

from contracts.metrics.table import (
    CHUNKS,
    CPU_SECONDS,
    ENGINE_IMAGES,
    FRAMES_DONE,
    FRAMES_INFERRED,
    STAGE_SECONDS,
)
from contracts.metrics.totals import Counts
from contracts.runtime.steps import add

T = TypeVar("T")

_PUBLISH_SECONDS = 5.0
# The last so many busy seconds count.
_WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class Stages:
    """Wall seconds of a detector's thread. wait: for images of the decoder. infer: for the engine, without that. head:
    from outputs to boxes. images: those that the engine had in hand, summed over so many outputs."""

    wait: float = 0.0
    infer: float = 0.0
    head: float = 0.0
    images: int = 0
    outputs: int = 0

    def inferring(self, results: Iterator[T], in_hand: Sized) -> Iterator[T]:
        """The results as they are. What they wait for images meanwhile is not part of `infer`."""
        while True:
            began, waited = perf_counter(), self.wait
            result = next(results, None)
            self.infer += perf_counter() - began - (self.wait - waited)
            if result is None:
                return
            self.images += len(in_hand)
            self.outputs += 1
            yield result

    def waiting(self, pull: Callable[[], T]) -> T:
        """What comes from the decoder. Raises what pulling it raises."""
        began = perf_counter()
        try:
            return pull()
        finally:
            self.wait += perf_counter() - began


class Speeds:
    """How fast a process is while it is busy: frames with a result per second, filled-in ones included, by model."""

    def __init__(self) -> None:
        self._done: defaultdict[str, deque[tuple[int, float]]] = defaultdict(deque)

    def note(self, model: str, frames: int, seconds: float) -> None:
        """So many frames were done in so many busy seconds."""
        done = self._done[model]
        done.append((frames, seconds))
        while len(done) > 1 and sum(seconds for _, seconds in done) - done[0][1] >= _WINDOW_SECONDS:
            done.popleft()

    def of(self, model: str) -> float:
        """Frames per second; 0 where nothing was measured."""
        done = self._done.get(model, ())
        seconds = sum(seconds for _, seconds in done)
        return round(sum(frames for frames, _ in done) / seconds, 2) if seconds > 0 else 0.0


class Meter:
    """Of one detector process. on_change: called now and then when its speeds have changed."""

    def __init__(self, counts: Counts | None = None) -> None:
        self._counts = counts or Counts()
        self.on_change: Callable[[], None] = lambda: None
        self._due = 0.0
        self.speeds = Speeds()

    def charge(self, seconds: float) -> None:
        """An attempt took so many CPU-seconds."""
        self._counts.add(CPU_SECONDS, seconds)

    def decoded(self, seconds: float) -> None:
        """A decoder has ended, which took so many CPU-seconds."""
        self._counts.add(STAGE_SECONDS, seconds, "decode")
        add(decode_cpu_s=seconds)

    def stored(self, seconds: float) -> None:
        """The result of a chunk is stored, which took so long."""
        self._counts.add(STAGE_SECONDS, seconds, "store")
        self._counts.add(CHUNKS, 1, "done")
        add(store_s=seconds)

    def computed(self, model: str, frames: int, inferred: int, seconds: float, stages: Stages) -> None:
        """A chunk was computed in so many seconds. stages: of it alone."""
        self._counts.add(FRAMES_DONE, frames)
        self._counts.add(FRAMES_INFERRED, inferred)
        for stage in ("wait", "infer", "head"):
            self._counts.add(STAGE_SECONDS, getattr(stages, stage), stage)
        if stages.outputs:
            self._counts.add(ENGINE_IMAGES, stages.images / stages.outputs)
        add(frames=frames, inferred=inferred, wait_s=stages.wait, infer_s=stages.infer, head_s=stages.head)
        self._note(model, frames, seconds)

    def served(self, model: str, images: int, seconds: float) -> None:
        """So many images of live streams went through a model in so many busy seconds."""
        self._counts.add(FRAMES_INFERRED, images)
        self._note(model, images, seconds)

    def _note(self, model: str, frames: int, seconds: float) -> None:
        self.speeds.note(model, frames, seconds)
        if monotonic() >= self._due:
            self._due = monotonic() + _PUBLISH_SECONDS
            self.on_change()

    def failed(self, *, poison: bool) -> None:
        """A chunk is recorded as failed."""
        self._counts.add(CHUNKS, 1, "poison" if poison else "failed")

    def again(self) -> None:
        """An attempt ends without a result; the message comes again."""
        self._counts.add(CHUNKS, 1, "again")

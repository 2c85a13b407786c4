"""The inference loop: the frames of a chunk, or of a run of chunks, through a model.

A separate process decodes and scales ahead, the engine computes in its own threads, and this thread turns the outputs
into detections.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import ClassVar

import numpy as np

from contracts.errors import DecodeFailed
from contracts.models.catalogue import Model
from contracts.results.codec import Block, Detections, pack
from contracts.storage.port import Storage
from contracts.storage.range_reader import watched
from contracts.wire.messages import Chunk
from contracts.wire.runs import Part, parts
from detector import heads
from detector.decode.crop import area, shifted
from detector.decode.parent import Decoders, Images
from detector.engine import Infers, check_finite
from detector.metering import Stages
from detector.tensors import Image, Outputs
from detector.view import View, view

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.5
# Before its end, so that the next decoder can start while the engine has images; little enough not to take the next
# message from an idle detector.
ENDING_SECONDS, ENDING_FRAMES = 0.15, 4
# A chunk of a run is done when so many frames behind it have come: any frame of it that could be decoded came before.
LATE_FRAMES = 128


class Cancelled(Exception):
    """The job was cancelled, or another detector has taken over the chunk."""


class Paused(Exception):
    """To go on later with the next image."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of the chunk with that index. block: its frames that could be decoded. missing: places of the others in it.
    seconds: duration."""

    index: int
    block: Block
    missing: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Called about every PROGRESS_SECONDS.

    on_progress(index of the chunk, its frames so far, its seconds). should_stop: whether to raise Cancelled.
    should_pause: whether to end for now. on_ending: called once or more often, in the last ENDING_SECONDS or
    for the last ENDING_FRAMES.
    """

    on_progress: Callable[[int, int, float], None]
    should_stop: Callable[[], bool]
    should_pause: Callable[[], bool] = lambda: False
    on_ending: Callable[[], None] = lambda: None


class Inference:
    """Detects objects in the frames of a message, chunk by chunk; after a pause it goes on where it was.

    A context that ends the decoder, unless it is to be kept for later. frames: how many were found so far. IMAGES: how
    they come from the decoder. stages: where its time went.
    """

    IMAGES: ClassVar[type[Images]] = Images

    def __init__(
        self, message: Chunk, model: Model, storage: Storage, decoders: AbstractContextManager[Decoders]
    ) -> None:
        """decoders: they are left when its decoder has ended.

        Raises NotFound, StorageUnavailable, DecoderLost."""
        self._message, self._model = message, model
        self._head = heads.get(model)
        options = message.plan.options
        self._class_ids = heads.class_ids(model, options.labels)
        self._crop = area(options.region, message.width, message.height)
        self._parts = deque(parts(message))
        self._found: dict[int, Detections] = {}  # by place in the message
        self._computed: deque[tuple[int, View]] = deque()  # the images that the engine has
        self._behind = 0  # how many of the found ones lie behind the chunk in progress
        self._callbacks: Callbacks | None = None
        self._spent, self._began = 0.0, time.monotonic()  # on the chunk in progress, before and since the last pause
        self._next = 0.0
        self._pausing = False
        self.frames = 0
        self._kept = False
        self.stages = Stages()
        with ExitStack() as opened:
            decoder = opened.enter_context(decoders)
            reader = opened.enter_context(watched(opened.enter_context(storage.open(message.video_key))))
            shown = view(model, (self._crop.width, self._crop.height))
            self._images = opened.enter_context(
                decoder.images(self.IMAGES, reader, message, shown, model.channels, self._tick, PROGRESS_SECONDS)
            )
            self._opened = opened.pop_all()

    def __enter__(self) -> "Inference":
        self._kept = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Raises StorageUnavailable, whatever the error is, where the video could not be read."""
        return False if self._kept else bool(self._opened.__exit__(kind, error, trace))

    def keep(self) -> None:
        """Let the decoder outlive the context."""
        self._kept = True

    def close(self) -> None:
        """End a decoder that was kept. Raises StorageUnavailable where the video could not be read."""
        self._opened.close()

    @property
    def decoder_seconds(self) -> float:
        """CPU time of the decoder, once it has ended."""
        return self._images.cpu_seconds

    @property
    def index(self) -> int:
        """Of the chunk in progress."""
        return self._parts[0].index

    @property
    def over(self) -> bool:
        """Whether all chunks are done."""
        return not self._parts

    @property
    def is_begun(self) -> bool:
        """See detector.relay.Source."""
        return bool(self._computed)

    def image_ahead(self) -> Image | None:
        """See detector.relay.Source."""
        return next(self._pulled(), None) if self._images.is_ready() else None

    def outcomes(self, engine: Infers, callbacks: Callbacks) -> Iterator[Outcome]:
        """The chunks in their order, as they are done, until all are or should_pause() says so.

        engine: set up with the model. Raises Cancelled, DecodeFailed (no frame can be decoded, since the video cannot
        be opened or crashes the decoder), StorageUnavailable, DecoderLost, and what the engine, the head and the
        callbacks raise.
        """
        self._begin(callbacks)
        begun, first = self._began, self.frames + len(self._computed)  # what was given ahead tells no speed
        masks = self._message.plan.options.masks
        with closing(engine.infer(self._pulled(), masks=masks)) as results:
            for outputs in self.stages.inferring(results, self._computed):
                came = time.perf_counter()
                check_finite(self._model, outputs)
                self._note(outputs)
                self.stages.head += time.perf_counter() - came
                self._tick(may_pause=False)
                if self._is_ending(begun, first):
                    callbacks.on_ending()
                while self._parts and self._is_done(self._parts[0]):
                    yield self._outcome()
        if not self._pausing:
            yield from self._rest()
        self._spent = self._seconds()

    def _begin(self, callbacks: Callbacks) -> None:
        self._callbacks, self._pausing = callbacks, False
        self._began = time.monotonic()
        # The caller has just checked, and there is no progress to report yet.
        self._next = self._began + PROGRESS_SECONDS

    def _pulled(self) -> Iterator[Image]:
        while not self._pausing:
            try:
                place, image = self.stages.waiting(self._images.__next__)
            except StopIteration:
                return
            except Paused:
                break
            self._computed.append((place, self._images.view))
            yield image

    def _note(self, outputs: Outputs) -> None:
        place, shown = self._computed.popleft()
        options = self._message.plan.options
        inside = self._head.decode(outputs, self._model, shown, options.min_score, self._class_ids)
        size = (self._message.width, self._message.height)
        self.frames += 1
        if self._parts and place >= self._parts[0].start:  # else it came too late: its chunk is done
            self._found[place] = shifted(inside, self._crop, size)
            self._behind += place >= self._parts[0].stop

    def _is_ending(self, begun: float, first: int) -> bool:
        """Judged by the speed since then, when it had so many frames."""
        left, done = len(self._message.times) - self.frames, self.frames - first
        return left <= ENDING_FRAMES or (done > 0 and (time.monotonic() - begun) / done * left <= ENDING_SECONDS)

    def _is_done(self, part: Part) -> bool:
        return len(self._found) - self._behind == part.stop - part.start or self._behind >= LATE_FRAMES

    def _rest(self) -> Iterator[Outcome]:
        """The chunks that are not complete, when no more frames come."""
        failure = self._images.failure
        if failure is not None:
            if not self.frames:
                raise DecodeFailed(failure)
            log.warning("decoding of chunk %d of job %s failed: %s", self._message.index, self._message.job_id, failure)
        while self._parts:
            yield self._outcome()

    def _outcome(self) -> Outcome:
        """The chunk in progress as it is; the next one is in progress then."""
        part = self._parts.popleft()
        places = sorted(place for place in self._found if place < part.stop)
        found = [self._found.pop(place) for place in places]
        self._behind = sum(place >= self._parts[0].stop for place in self._found) if self._parts else 0
        missing = set(range(part.start, part.stop)).difference(places)
        block = _block(self._message, places, found)
        outcome = Outcome(part.index, block, tuple(sorted(place - part.start for place in missing)), self._seconds())
        self._spent, self._began = 0.0, time.monotonic()
        return outcome

    def _done(self) -> int:
        """How many frames of the chunk in progress have a result."""
        return len(self._found) - self._behind

    def _seconds(self) -> float:
        return self._spent + time.monotonic() - self._began

    def _tick(self, *, may_pause: bool = True) -> None:
        """Report progress and ask the callbacks, now and then. Raises Cancelled; Paused where it may pause."""
        now = time.monotonic()
        if now >= self._next and self._callbacks is not None and self._parts:
            self._next = now + PROGRESS_SECONDS
            self._callbacks.on_progress(self.index, self._done(), self._seconds())
            if self._callbacks.should_stop():
                raise Cancelled
            self._pausing = self._pausing or self._callbacks.should_pause()
        if self._pausing and may_pause:
            raise Paused


def _block(message: Chunk, places: list[int], found: list[Detections]) -> Block:
    """Frames in display order, with their numbers and times. places: of each in the message, rising."""
    block = pack(message.first_frame, [message.times[place] for place in places], found)
    return replace(block, frame=np.asarray([message.numbers[place] for place in places], np.int64))

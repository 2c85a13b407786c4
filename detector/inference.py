"""The loop: a chunk's frames through a model.

A process decodes and scales ahead, the engine computes in its threads, and this one makes boxes of what comes out.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from contracts.errors import DecodeFailed
from contracts.models.catalogue import Model
from contracts.results.codec import Block, Detections, pack
from contracts.wire.messages import Chunk
from detector import heads
from detector.decode.crop import area, shifted, unturned
from detector.decode.parent import Decoders
from detector.engine import Engine, check_finite
from detector.tensors import Image
from detector.view import view

log = logging.getLogger(__name__)

PULSE_SECONDS = 0.5


class Cancelled(Exception):
    """Somebody wants the work to stop."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """block: the frames of the chunk that could be decoded. missing: times of the others.
    seconds: what it took."""

    block: Block
    missing: tuple[int, ...]
    seconds: float


class _Pulse:
    """Looks up from the work now and then: tells how far it is, asks whether to go on."""

    def __init__(self, on_progress: Callable[[int, float], None], should_stop: Callable[[], bool]) -> None:
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._began = time.monotonic()
        # Who begins has just looked: there is nothing to tell yet.
        self._next = self._began + PULSE_SECONDS
        self.frames = 0

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def beat(self) -> None:
        """Raises Cancelled."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PULSE_SECONDS
        self._on_progress(self.frames, self.seconds())
        if self._should_stop():
            raise Cancelled


def run(
    chunk: Chunk,
    source: BinaryIO,
    decoders: Decoders,
    engine: Engine,
    model: Model,
    on_progress: Callable[[int, float], None],
    should_stop: Callable[[], bool],
) -> Outcome:
    """Detect objects in the frames of a chunk.

    source: the video, which another thread may read meanwhile. engine: set up with the model. on_progress(frames so
    far, seconds) and should_stop() are called about every PULSE_SECONDS.
    Raises Cancelled, DecodeFailed when nothing can be decoded since the video cannot be opened or breaks the
    decoder, StorageUnavailable, Lost, and what the others raise.
    """
    pulse = _Pulse(on_progress, should_stop)
    head = heads.get(model)
    options = chunk.plan.options
    class_ids = _class_ids(model, options.labels)
    place = area(options.region, chunk.width, chunk.height)
    stored = unturned(place, chunk.width, chunk.height, chunk.rotation)
    shown = view(model, (place.width, place.height))
    times: list[int] = []

    def noted(images: Iterable[tuple[int, Image]]) -> Iterator[Image]:
        for moment, image in images:
            times.append(moment)
            yield image

    found: list[Detections] = []
    with (
        decoders.images(source, chunk, stored, shown, model.channels, pulse.beat, PULSE_SECONDS) as images,
        closing(engine.infer(noted(images), masks=options.masks)) as results,
    ):
        for outputs in results:
            check_finite(model, outputs)
            inside = head.decode(outputs, model, shown, options.min_score, class_ids)
            found.append(shifted(inside, place, (chunk.width, chunk.height)))
            pulse.frames = len(found)
            pulse.beat()
    if images.failure is not None:
        if not times:
            raise DecodeFailed(images.failure)
        log.warning("decoding chunk %d of job %s has failed: %s", chunk.index, chunk.job_id, images.failure)
    missing = tuple(sorted(set(chunk.times).difference(times)))
    return Outcome(_block(chunk, times, found), missing, pulse.seconds())


def _class_ids(model: Model, labels: tuple[str, ...] | None) -> frozenset[int] | None:
    if labels is None and all(model.labels):
        return None
    return frozenset(
        number for number, label in enumerate(model.labels) if label and (labels is None or label in labels)
    )


def _block(chunk: Chunk, times: list[int], found: list[Detections]) -> Block:
    """The frames by time, numbered by their place among the expected ones."""
    pairs = sorted(zip(times, found, strict=True), key=lambda pair: pair[0])
    block = pack(chunk.first_frame, [moment for moment, _ in pairs], [item for _, item in pairs])
    places = np.searchsorted(np.asarray(chunk.times, np.int64), block.time)
    return replace(block, frame=np.asarray(chunk.numbers, np.int64)[places])

"""The inference loop: a chunk's frames through a model.

A separate process decodes and scales ahead, the engine computes in its own threads, and this thread turns the outputs
into detections.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from contracts.errors import DecodeFailed
from contracts.models.catalogue import Model
from contracts.results.codec import Block, Detections, pack
from contracts.wire.messages import Chunk
from detector import heads
from detector.decode.crop import area, shifted
from detector.decode.parent import Decoders, Images
from detector.engine import Engine, check_finite
from detector.tensors import Image
from detector.view import View, view

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.5


class Cancelled(Exception):
    """The job was cancelled, or another detector has taken over the chunk."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """block: the frames of the chunk that could be decoded. missing: places of the others in it. seconds: duration."""

    block: Block
    missing: tuple[int, ...]
    seconds: float


class _Progress:
    """Reports progress and checks for cancellation at intervals."""

    def __init__(self, on_progress: Callable[[int, float], None], should_stop: Callable[[], bool]) -> None:
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._began = time.monotonic()
        # The caller has just checked, and there is no progress to report yet.
        self._next = self._began + PROGRESS_SECONDS
        self.frames = 0

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def tick(self) -> None:
        """Raises Cancelled."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PROGRESS_SECONDS
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

    source: the video; another thread may read it meanwhile. engine: set up with the model. on_progress(frames so far,
    seconds) and should_stop() are called about every PROGRESS_SECONDS.
    Raises Cancelled, DecodeFailed (no frame can be decoded, since the video cannot be opened or crashes the decoder),
    StorageUnavailable, DecoderLost, and what the engine, the head and the callbacks raise.
    """
    progress = _Progress(on_progress, should_stop)
    head = heads.get(model)
    options = chunk.plan.options
    class_ids = _class_ids(model, options.labels)
    crop = area(options.region, chunk.width, chunk.height)
    shown = view(model, (crop.width, crop.height))
    places: list[int] = []
    views: list[View] = []

    def noted(images: Images) -> Iterator[Image]:
        for place, image in images:
            places.append(place)
            views.append(images.view)
            yield image

    found: list[Detections] = []
    with (
        decoders.images(source, chunk, shown, model.channels, progress.tick, PROGRESS_SECONDS) as images,
        closing(engine.infer(noted(images), masks=options.masks)) as results,
    ):
        for outputs in results:
            check_finite(model, outputs)
            inside = head.decode(outputs, model, views[len(found)], options.min_score, class_ids)
            found.append(shifted(inside, crop, (chunk.width, chunk.height)))
            progress.frames = len(found)
            progress.tick()
    if images.failure is not None:
        if not places:
            raise DecodeFailed(images.failure)
        log.warning("decoding of chunk %d of job %s failed: %s", chunk.index, chunk.job_id, images.failure)
    missing = tuple(sorted(set(range(len(chunk.times))).difference(places)))
    return Outcome(_block(chunk, places, found), missing, progress.seconds())


def _class_ids(model: Model, labels: tuple[str, ...] | None) -> frozenset[int] | None:
    if labels is None and all(model.labels):
        return None
    return frozenset(
        number for number, label in enumerate(model.labels) if label and (labels is None or label in labels)
    )


def _block(chunk: Chunk, places: list[int], found: list[Detections]) -> Block:
    """The frames in display order, with their numbers and times. places: of each in the chunk."""
    pairs = sorted(zip(places, found, strict=True), key=lambda pair: pair[0])
    order = [place for place, _ in pairs]
    block = pack(chunk.first_frame, [chunk.times[place] for place in order], [item for _, item in pairs])
    return replace(block, frame=np.asarray(chunk.numbers, np.int64)[order])

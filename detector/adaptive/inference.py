"""The inference loop of jobs that infer some frames and fill in the others.

The decoder shows thumbnails of all frames, a chooser per chunk says which ones it wants inferred, and these alone are
scaled and go through the model.
"""

import logging
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

from msgspec import UNSET

from analytics.boxes import rounded
from analytics.filling import Bounds
from contracts.errors import DecodeFailed
from contracts.models.catalogue import Model
from contracts.results.codec import BOX_SCALE
from contracts.storage.port import Storage
from contracts.wire.messages import Chunk
from contracts.wire.runs import Part
from detector.adaptive.chooser import Chooser
from detector.adaptive.modes import MODES
from detector.adaptive.result import block_of, boxes_of
from detector.decode.asked_parent import AskedImages, Given
from detector.decode.crop import shifted
from detector.decode.parent import Decoders, Images
from detector.decode.protocol import Seen
from detector.decode.thumbnails import read
from detector.engine import Infers, check_finite
from detector.inference import LATE_FRAMES, Callbacks, Inference, Outcome, Paused
from detector.tensors import Image, Outputs

log = logging.getLogger(__name__)

# So many images before its end, the next decoder can start.
_ENDING_IMAGES = 4
# Boxes whose score is at least this part of min_score are looked at by association.
_LOW = 0.5


def is_adaptive(message: Chunk) -> bool:
    """Whether a message is for AdaptiveInference."""
    return message.plan.options.frames is not UNSET and message.time_base is not UNSET


class AdaptiveInference(Inference):
    """See Inference. Raises DecoderBroke too: the same message can be computed by Inference then."""

    IMAGES: ClassVar[type[Images]] = AskedImages

    def __init__(
        self, message: Chunk, model: Model, storage: Storage, decoders: AbstractContextManager[Decoders]
    ) -> None:
        options = message.plan.options
        assert options.frames is not UNSET  # noqa: S101  (see is_adaptive)
        assert message.time_base is not UNSET  # noqa: S101
        super().__init__(message, model, storage, decoders)
        assert isinstance(self._images, AskedImages)  # noqa: S101
        self._asked = self._images
        mode = MODES[options.frames]
        self._starts = [part.start for part in self._parts]
        self._courses = deque(_Course(part, Chooser(mode, message.time_base)) for part in self._parts)

    def image_ahead(self) -> Image | None:
        """None: an image is asked for in its turn. Its decoder goes ahead meanwhile."""
        return None

    def outcomes(self, engine: Infers, callbacks: Callbacks) -> Iterator[Outcome]:
        self._begin(callbacks)
        more = True
        while more and not self._pausing:
            # An engine holds back what it computes until more comes. Where nothing is wanted before that is known, a
            # round ends, and the next one begins with what is wanted then.
            more = False
            with closing(engine.infer(self._pulled())) as results:
                for outputs in self.stages.inferring(results, self._computed):
                    came = time.perf_counter()
                    more = True
                    check_finite(self._model, outputs)
                    self._note(outputs)
                    self.stages.head += time.perf_counter() - came
                    self._tick(may_pause=False)
                    if self._has_few_left():
                        callbacks.on_ending()
                    yield from self._settled()
            yield from self._settled()
        self._spent = self._seconds()

    def _has_few_left(self) -> bool:
        """Whether few images are left."""
        left = len(self._computed) + self._asked.outstanding + sum(course.chooser.wanted for course in self._begun())
        return self._asked.ended and left <= _ENDING_IMAGES

    def _pulled(self) -> Iterator[Image]:
        try:
            while not self._pausing and self._order():
                event = self.stages.waiting(self._asked.event)
                if isinstance(event, Given):
                    self._computed.append((event.place, self._asked.view))
                    yield event.image
                elif isinstance(event, Seen):
                    self._see(event)
                else:
                    self._end()
        except Paused:
            return

    def _order(self) -> bool:
        """Order what is wanted; whether to wait for what comes."""
        wanted: list[int] = []
        for course in self._begun():
            while len(wanted) < self._asked.room and (place := course.chooser.next_wanted()) is not None:
                wanted.append(place)
        further = not (wanted or self._asked.outstanding or self._computed or self._asked.ended)
        keep, spared = self._needed()
        self._asked.order(wanted, keep, spared, further=further)
        return further or self._asked.outstanding > 0

    def _needed(self) -> tuple[int, set[int]]:
        """The place before which frames will not be wanted any more, but for some."""
        spared: set[int] = set()
        keep = self._asked.newest + 1
        for course in self._begun():
            place, others = course.chooser.needed
            keep = min(keep, keep if place is None else place)
            spared |= others
        return keep, {place for place in spared if place < keep}

    def _see(self, seen: Seen) -> None:
        course = self._course(seen.place)
        self.frames += 1
        if course is not None and not course.chooser.has_ended:  # else it comes too late
            course.places.append(seen.place)
            size = (seen.width, seen.height)
            course.chooser.see(seen.place, self._message.times[seen.place], read(seen.thumbnail), size)
        for begun in self._begun():
            if begun.is_whole or begun.part.stop + LATE_FRAMES <= self._asked.newest:
                begun.chooser.end()

    def _end(self) -> None:
        """All frames were seen. Raises DecodeFailed where there are none, since the video cannot be decoded."""
        failure = self._asked.failure
        if failure is not None:
            if not self.frames:
                raise DecodeFailed(failure)
            log.warning("decoding of chunk %d of job %s failed: %s", self._message.index, self._message.job_id, failure)
        for course in self._courses:
            course.chooser.end()

    def _note(self, outputs: Outputs) -> None:
        place, shown = self._computed.popleft()
        options = self._message.plan.options
        inside = self._head.decode(outputs, self._model, shown, options.min_score * _LOW, self._class_ids)
        found = shifted(inside, self._crop, (self._message.width, self._message.height))
        if (course := self._course(place)) is not None:
            course.chooser.detected(place, rounded(found, options.min_score))

    def _begun(self) -> list["_Course"]:
        """Those of the chunks that were seen of: of a long run, few."""
        done = len(self._starts) - len(self._courses)
        return list(islice(self._courses, max(0, bisect_right(self._starts, self._asked.newest) - done)))

    def _course(self, place: int) -> "_Course | None":
        """That of the chunk that has the place; None when that one is done."""
        number = bisect_right(self._starts, place) - 1 - (len(self._starts) - len(self._courses))
        return self._courses[number] if number >= 0 else None

    def _settled(self) -> Iterator[Outcome]:
        while self._courses and self._courses[0].chooser.is_settled:
            yield self._finished()

    def _finished(self) -> Outcome:
        """The chunk in progress; the next one is in progress then."""
        course, part = self._courses.popleft(), self._parts.popleft()
        boxes, filled = boxes_of(course.chooser, self._message.plan.options.min_score, self._bounds())
        places = sorted(boxes)
        block = block_of(
            [self._message.numbers[place] for place in places],
            [self._message.times[place] for place in places],
            [boxes[place] for place in places],
            [place in filled for place in places],
        )
        missing = sorted(place - part.start for place in set(range(part.start, part.stop)) - set(places))
        outcome = Outcome(part.index, block, tuple(missing), self._seconds())
        self._spent, self._began = 0.0, time.monotonic()
        return outcome

    def _bounds(self) -> Bounds:
        """The region, in 1/100 px."""
        left, top = self._crop.left * BOX_SCALE, self._crop.top * BOX_SCALE
        return left, top, left + self._crop.width * BOX_SCALE, top + self._crop.height * BOX_SCALE

    def _done(self) -> int:
        keep, spared = self._needed()
        return sum(place < min(spared, default=keep) for place in self._courses[0].places)


@dataclass(slots=True)
class _Course:
    """A chunk on its way. places: of the frames that were seen."""

    part: Part
    chooser: Chooser
    places: list[int] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return len(self.places) == self.part.stop - self.part.start

"""Which frames of a chunk to infer. Pure: told what was decoded and detected, it says what is wanted next.

Which frames these are in the end does not depend on the order in which it learns of detections: the steps follow from
the pictures alone, and each of them is divided for itself. So frames of later steps are inferred while an earlier one
is looked at more closely, and engines that compute several images at once stay busy.
"""

import heapq
from collections.abc import Iterable, Iterator

import numpy as np

from analytics.association import associate
from analytics.boxes import Boxes
from detector.adaptive.cuts import Cuts, Look
from detector.adaptive.modes import Clock, Mode
from detector.adaptive.steps import Span, Steps
from detector.decode.thumbnails import Thumbnail


class Chooser:
    """Chooses among the frames of one chunk.

    found: the boxes of the inferred frames by place. shots: the frames that were seen in their order, shot by shot.
    """

    def __init__(self, mode: Mode, time_base: tuple[int, int]) -> None:
        self._mode, self._clock = mode, Clock(time_base)
        self._cuts, self._steps = Cuts(), Steps(mode)
        self._newest = -1
        self._ended = False
        self._wanted: list[int] = []  # a heap
        self._chosen: set[int] = set()
        self._open: list[Span] = []  # those with an end whose boxes are not known
        self.found: dict[int, Boxes] = {}
        self.shots: list[list[Look]] = []

    def see(self, place: int, time: int, thumbnail: Thumbnail, size: tuple[int, int]) -> None:
        """Take the next frame that was decoded: its place in the message, its time in units of the time base, and the
        size of the stored frame."""
        if place < self._newest:  # out of order, as after damage: between which frames it lies is known too late
            self._want(place)
            return
        self._newest = place
        self._follow(self._cuts.add(place, self._clock.at(time), thumbnail, size))

    def end(self) -> None:
        """No other frame comes."""
        if not self._ended:
            self._ended = True
            self._follow(self._cuts.end())
            self._watch(self._steps.end())

    def detected(self, place: int, boxes: Boxes) -> None:
        """Take the boxes of a wanted frame."""
        self.found[place] = boxes
        known = [span for span in self._open if place in span.places and self._is_known(span)]
        self._open = [span for span in self._open if span not in known]
        for span in known:
            self._watch(self._divided(span))

    @property
    def wanted(self) -> int:
        """How many frames are to be inferred and were not given yet."""
        return len(self._wanted)

    def next_wanted(self) -> int | None:
        """The place of the first frame that is to be inferred and that was not given yet."""
        return heapq.heappop(self._wanted) if self._wanted else None

    @property
    def needed(self) -> tuple[int | None, set[int]]:
        """The place from which on frames may still be wanted, None where none of those seen may be; and places before
        it of which the same holds."""
        after, spared = self._steps.needed
        inner = (span.looks[1].place for span in self._open if not span.quiet)
        places = (after, self._cuts.waits_for, *self._wanted[:1], *inner)
        sparse = (look.place for span in self._open if span.quiet for look in span.looks[1:-1])
        return min((place for place in places if place is not None), default=None), {*spared, *sparse}

    @property
    def has_ended(self) -> bool:
        """Whether no other frame comes."""
        return self._ended

    @property
    def is_settled(self) -> bool:
        """Whether all that is wanted is known."""
        return self._ended and len(self.found) == len(self._chosen)

    def _follow(self, decided: Iterable[tuple[Look, bool]]) -> None:
        for look, begins in decided:
            if begins:
                self._watch(self._steps.end())
                self._steps = Steps(self._mode)
                self.shots.append([])
                self._want(look.place)
            self.shots[-1].append(look)
            self._watch(self._steps.add(look))

    def _watch(self, spans: Iterable[Span]) -> None:
        """Infer both ends, and divide the span where that is needed."""
        waiting = list(spans)
        while waiting:
            span = waiting.pop()
            for place in span.places:
                self._want(place)
            if self._is_known(span):
                waiting += self._divided(span)
            else:
                self._open.append(span)

    def _want(self, place: int) -> None:
        if place not in self._chosen:
            self._chosen.add(place)
            heapq.heappush(self._wanted, place)

    def _is_known(self, span: Span) -> bool:
        return all(place in self.found for place in span.places)

    def _divided(self, span: Span) -> Iterator[Span]:
        """The halves of a span between whose ends more has happened than can be filled in."""
        middle = span.middle()
        if middle is None or (span.length <= self._mode.shortest and not span.jumps):
            return
        before, after = (self.found[place] for place in span.places)
        if not is_plain(before, after, span.length / 1e6, self._mode):
            yield from span.split(middle)


def is_plain(before: Boxes, after: Boxes, seconds: float, mode: Mode) -> bool:
    """Whether it is plain which boxes of two frames are the same object, and where it was in between."""
    pairs = associate(before, after, seconds)
    first, second = pairs.before < before.confident, pairs.after < after.confident
    confident = before.confident + after.confident
    unpaired = confident - np.count_nonzero(first) - np.count_nonzero(second)
    return bool(unpaired <= mode.unpaired * confident and (pairs.distance[first | second] <= mode.farthest).all())

"""Cuts: where a shot ends and the next one begins."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from detector.adaptive.thumbnails import difference
from detector.decode.thumbnails import CELLS, Thumbnail

# Mean difference of the cells of neighbours that may be a cut, and that is one in any case.
_JUMP, _CERTAIN = 20 * CELLS, 40 * CELLS
# A cut differs from what is before and after it: so many times as much as the median of so many neighbours each way.
_TIMES, _AROUND = 4, 8


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A frame that was decoded.

    place: in the message. time: in microseconds. thumbnail: of the region. difference: from the frame before, 0 for
    the first one. begins: whether it certainly begins a shot.
    """

    place: int
    time: int
    thumbnail: Thumbnail
    difference: int
    begins: bool

    @property
    def jumps(self) -> bool:
        """Whether it looks unlike the frame before."""
        return self.difference > _JUMP


class Cuts:
    """Divides frames into shots. There is no least length of a shot: also ten thousand cuts are cuts."""

    def __init__(self) -> None:
        self._newest: tuple[Thumbnail, tuple[int, int]] | None = None
        self._known: deque[Look] = deque()  # the ones around those that wait
        self._waiting = 0  # how many at the end of the known ones are not decided

    def add(self, place: int, time: int, thumbnail: Thumbnail, size: tuple[int, int]) -> Iterator[tuple[Look, bool]]:
        """Take the next frame; give those that are decided, each with whether it begins a shot.

        size: (width, height) of the stored frame; a change of it begins a shot.
        """
        if self._newest is None:
            look = Look(place, time, thumbnail, 0, True)
        else:
            before, before_size = self._newest
            look = Look(place, time, thumbnail, difference(before, thumbnail), size != before_size)
        self._newest = (thumbnail, size)
        self._known.append(look)
        self._waiting += 1
        while self._waiting > _AROUND:
            yield self._decided()

    def end(self) -> Iterator[tuple[Look, bool]]:
        """The frames that are not given yet: no other comes."""
        while self._waiting:
            yield self._decided()

    @property
    def waits_for(self) -> int | None:
        """The place of the first frame that is not given; None when all are."""
        return self._known[-self._waiting].place if self._waiting else None

    def _decided(self) -> tuple[Look, bool]:
        at = len(self._known) - self._waiting
        look = self._known[at]
        self._waiting -= 1
        begins = look.begins or look.difference > _CERTAIN or (look.jumps and self._stands_out(at))
        if at == _AROUND:
            self._known.popleft()
        return look, begins

    def _stands_out(self, at: int) -> bool:
        others = [
            look.difference for number, look in enumerate(self._known) if abs(number - at) <= _AROUND and number != at
        ]
        return self._known[at].difference > _TIMES * sorted(others)[len(others) // 2] if others else True

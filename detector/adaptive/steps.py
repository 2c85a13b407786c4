"""The frames to infer in a shot as far as pictures tell. Pure: which frames these are depends on the thumbnails and the
times of the shot alone, so they are known, and can be inferred, before any detection is."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from detector.adaptive.cuts import Look
from detector.adaptive.modes import MOST_FRAMES, QUIET, Mode
from detector.adaptive.thumbnails import changed_cells


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a shot, of which both ends are inferred.

    looks: its frames, or those of them at which it may be divided. quiet: the pictures do not change.
    """

    looks: tuple[Look, ...]
    quiet: bool = False

    @property
    def places(self) -> tuple[int, int]:
        """Of both ends."""
        return self.looks[0].place, self.looks[-1].place

    @property
    def length(self) -> int:
        """Microseconds between the ends."""
        return self.looks[-1].time - self.looks[0].time

    @property
    def jumps(self) -> bool:
        """Whether a picture in between, or the last one, looks unlike the one before."""
        return any(look.jumps for look in self.looks[1:])

    def split(self, at: int) -> tuple["Span", "Span"]:
        """At the frame with that index, which belongs to both."""
        return Span(self.looks[: at + 1], self.quiet), Span(self.looks[at:], self.quiet)

    def middle(self) -> int | None:
        """Index of the frame nearest to the middle in time; None without one in between."""
        twice = self.looks[0].time + self.looks[-1].time
        inner = range(1, len(self.looks) - 1)
        return min(inner, key=lambda at: (abs(2 * self.looks[at].time - twice), at), default=None)


@dataclass(slots=True)
class Steps:
    """Goes through a shot: quickly where nothing changes, by the longest step of the mode elsewhere."""

    mode: Mode
    _looks: list[Look] = field(default_factory=list)  # from the last inferred one on
    _same: int = 0  # how many after it look like it, without a break

    def add(self, look: Look) -> Iterator[Span]:
        """Take the next frame; give the spans that are known."""
        self._looks.append(look)
        return self._spans(ended=False)

    def end(self) -> Iterator[Span]:
        """The spans that are left: the shot has no other frame."""
        return self._spans(ended=True)

    @property
    def needed(self) -> tuple[int | None, list[int]]:
        """The place from which on frames may still be wanted, and places before it of which the same holds."""
        if len(self._looks) < 2:
            return None, []
        if not self._is_quiet:
            return self._looks[1].place, []
        return self._looks[self._same].place, [look.place for look in self._sparse(self._same)[1:-1]]

    @property
    def _is_quiet(self) -> bool:
        return self._since(self._same) >= self.mode.longest

    def _since(self, at: int) -> int:
        return self._looks[at].time - self._looks[0].time

    def _spans(self, ended: bool) -> Iterator[Span]:
        while (end := self._next_end(ended)) is not None:
            if end <= self._same:
                spans: tuple[Span, ...] = (Span(tuple(self._sparse(end)), quiet=True),)
            else:
                spans = _came_and_went(Span(tuple(self._looks[: end + 1])))
            del self._looks[:end]
            self._same = 0
            yield from spans

    def _sparse(self, end: int) -> list[Look]:
        """Those from the first one on that are a longest step apart, and the one at the end: few to hold."""
        chosen = [self._looks[0]]
        for look in self._looks[1:end]:
            if look.time >= chosen[-1].time + self.mode.longest:
                chosen.append(look)
        return [*chosen, self._looks[end]]

    def _next_end(self, ended: bool) -> int | None:
        """Index of the frame where the next span ends; None where more frames must be known, or none is left."""
        last = len(self._looks) - 1
        while self._same < last and self._is_same(self._same + 1):
            self._same += 1
        if last < 1 or (self._same == last and not ended):
            return None
        if self._same == last or self._is_quiet:
            return self._same
        within = sum(self._since(at) <= self.mode.longest for at in range(1, min(last, MOST_FRAMES) + 1))
        return max(within, 1) if within < last or ended else None

    def _is_same(self, at: int) -> bool:
        return self._since(at) <= QUIET and not changed_cells(self._looks[0].thumbnail, self._looks[at].thumbnail)


def _came_and_went(span: Span) -> tuple[Span, ...]:
    """Divides a span whose ends look alike where something in between does not, at the frame that differs most."""
    first, *inner, last = span.looks
    if not inner or changed_cells(first.thumbnail, last.thumbnail):
        return (span,)
    changes = [changed_cells(first.thumbnail, look.thumbnail) for look in inner]
    return span.split(1 + changes.index(max(changes))) if max(changes) else (span,)

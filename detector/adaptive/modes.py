"""How closely an adaptive job looks."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.wire.messages import Filling

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Mode:
    """longest: step while something changes, in microseconds. shortest: one no longer than that is not divided.
    farthest: way of an object in a step, in its own size. unpaired: share of the confident boxes that may have no
    partner."""

    longest: int
    shortest: int
    farthest: float
    unpaired: float


MODES: Mapping[Filling, Mode] = {
    "fine": Mode(400_000, 120_000, 0.8, 0.2),
    "balanced": Mode(800_000, 250_000, 1.1, 0.2),
    "coarse": Mode(1_200_000, 400_000, 1.4, 0.3),
}
# Longest step while nothing changes.
QUIET = 10 * _SECOND
# Most frames of a step while something changes, so that the memory for them is bounded.
MOST_FRAMES = 60
# A frame lasts at least so long; and where its container has the time stand still or fall back, as long as the one
# before, at first as long as that.
LEAST_FRAME, USUAL_FRAME = _SECOND // 300, _SECOND // 25


class Clock:
    """Times of frames in microseconds that always rise."""

    def __init__(self, time_base: tuple[int, int]) -> None:
        """time_base: see contracts.wire.messages.PacketIndex."""
        self._numerator, self._denominator = time_base
        self._before: int | None = None
        self._now, self._gap = 0, USUAL_FRAME

    def at(self, time: int) -> int:
        """The time of the next frame, whose own is this one, in units of the time base."""
        own = time * self._numerator * _SECOND // self._denominator
        if self._before is not None:
            if own > self._before:
                self._gap = max(own - self._before, LEAST_FRAME)
            self._now += self._gap
        self._before = own
        return self._now

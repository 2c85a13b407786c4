"""When each frame is shown, where the container's times repeat, fall back, leap, or are missing. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from statistics import median_low
from typing import Literal

# As far as decoders bring frames out of the containers' order.
_REORDERED = 16
_SUSTAINED = 3  # frames by which a clock that fell is told from two frames in the wrong order
_TYPICAL_GAPS = 1000  # a pause of so many frames is no leap, however long: as in a recording of one frame an hour


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the clock does not run on. frame: the first after it. own: its time by the container's clock."""

    frame: int
    own: int
    reason: Literal["start", "jump_back", "jump_forward"]


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """times: of each frame, rising or equal, starting with the first frame's own time. breaks: the first is the
    start."""

    times: tuple[int, ...]
    breaks: tuple[Break, ...]


def frame_times(own: Sequence[int | None], duration: int, leap: int) -> FrameTimes:
    """Times of frames in display order from the container's own times, None where it has none.

    duration: of a frame, where two neighbours do not tell. leap: the least gap that is no pause. Where the clock
    breaks, time goes on from the last frame by its duration.
    """
    breaks = list(_breaks(own, leap))
    times: list[int] = []
    stops = [*(start for start, _ in breaks[1:]), len(own)]
    found = []
    for (start, reason), stop in zip(breaks, stops, strict=True):
        segment = sorted(_filled(own[start:stop], duration))
        found.append(Break(start, segment[0], reason))
        shift = times[-1] + _duration(times, duration) - segment[0] if times else 0
        times += [time + shift for time in segment]
    return FrameTimes(tuple(times), tuple(found))


def untimed(own: Sequence[int | None], duration: int) -> FrameTimes:
    """The same where the container counts packets: the n-th frame shown has the n-th of their times."""
    times = sorted(_filled(own, duration))
    return FrameTimes(tuple(times), (Break(0, times[0], "start"),) if times else ())


def _breaks(
    own: Sequence[int | None], leap: int
) -> Iterator[tuple[int, Literal["start", "jump_back", "jump_forward"]]]:
    """The frames at which the clock starts, falls or leaps."""
    if own:
        yield 0, "start"
    known = [(number, time) for number, time in enumerate(own) if time is not None]
    gaps = [later - earlier for (_, earlier), (_, later) in pairwise(known) if later > earlier]
    leap = max(leap, _TYPICAL_GAPS * median_low(gaps)) if gaps else leap
    begun, high = 0, known[0][1] if known else 0
    for position, (number, time) in enumerate(known):
        if time < high and _falls(known, begun, position, high):
            yield number, "jump_back"
            begun, high = position, time
        elif time - high > leap:
            yield number, "jump_forward"
            begun, high = position, time
        high = max(high, time)


def _falls(known: Sequence[tuple[int, int]], begun: int, position: int, high: int) -> bool:
    """Whether a lower time is that of a clock that goes on from there, and not of a frame in the wrong order."""
    time = known[position][1]
    if position - _REORDERED >= begun and time < known[position - _REORDERED][1]:
        return True
    following = [later for _, later in known[position : position + 1 + _SUSTAINED]]
    risen = takewhile(lambda pair: pair[0] < pair[1], pairwise(following))
    last = max((later for _, later in risen), default=None)
    return last is not None and last <= high


def _filled(own: Sequence[int | None], duration: int) -> list[int]:
    """Missing times from those of the neighbours, spread evenly."""
    known = [(number, time) for number, time in enumerate(own) if time is not None]
    if not known:
        return [number * duration for number in range(len(own))]
    first, last = known[0], known[-1]
    times = [first[1] - (first[0] - number) * duration for number in range(first[0])]
    for (start, earlier), (stop, later) in pairwise(known):
        times += [earlier + (later - earlier) * step // (stop - start) for step in range(stop - start)]
    times += [last[1] + (number - last[0]) * duration for number in range(last[0], len(own))]
    return times


def _duration(times: Sequence[int], duration: int) -> int:
    """How long the last frame is shown."""
    return times[-1] - times[-2] if len(times) > 1 and times[-1] > times[-2] else duration

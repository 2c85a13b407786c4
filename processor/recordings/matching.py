"""Which frames of a recording have a result, and why the others have none. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.live.results import LiveFrame
from contracts.live.streams import TICKS_PER_SECOND, DropReason
from contracts.wire.messages import DroppedFrames

# Reasons besides those of DropReason: no detector had the stream, or its results were lost; the model or the options
# were changed meanwhile, so that these results do not belong to those of the recording.
NOT_ANALYSED = "not_analysed"
OTHER_OPTIONS = "other_options"

MOST_RANGES = 1000
# With max_fps, a shorter gap between two results is no sign of anything: sources are not that regular.
_REGULAR_TICKS = TICKS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Matched:
    """Results by frame: numbers in the display order of the video, rising; times in ticks from its start. dropped: what
    has none."""

    frames: tuple[LiveFrame, ...]
    numbers: tuple[int, ...]
    times: tuple[int, ...]
    dropped: tuple[DroppedFrames, ...]


def revision_of_most(frames: Iterable[LiveFrame], known: Iterable[int]) -> int | None:
    """The plan by which most of the frames were made, the latest of several, among the known ones."""
    counted = Counter(frame.plan for frame in frames)
    return max((plan for plan in known if counted[plan]), key=lambda plan: (counted[plan], plan), default=None)


def match(
    times: Sequence[int],
    end: int,
    frames: Iterable[LiveFrame],
    start: int,
    revision: int,
    max_fps: float | None,
    after: LiveFrame | None = None,
) -> Matched:
    """The results of the frames of a recording.

    times: of all its frames, rising, in ticks from its start; end: of the recording, likewise. start: pts of its first
    frame. frames: those results whose pts are in it. revision: of the plan that counts. after: the first result behind
    the recording, which tells of the frames before it.
    """
    places = {time: number for number, time in enumerate(times)}
    gaps = _Gaps(times, end, max_fps)
    kept: dict[int, LiveFrame] = {}
    for frame in sorted(frames, key=lambda frame: frame.pts):
        number = places.get(frame.pts - start)
        if number is None or number in kept:
            continue
        gaps.told(frame.dropped)
        if frame.plan != revision:
            gaps.told({OTHER_OPTIONS: 1})
            continue
        gaps.close(number)
        kept[number] = frame
    # What was lost in the network has no frame here, and is told once, by the result after it.
    gaps.told({reason: count for reason, count in (after.dropped if after else {}).items() if reason != _NETWORK})
    gaps.close(len(times))
    return Matched(tuple(kept.values()), tuple(kept), tuple(times[number] for number in kept), gaps.ranges())


_NETWORK = str(DropReason.NETWORK)


@dataclass(slots=True)
class _Gaps:
    """Collects what is dropped between one frame with a result and the next."""

    times: Sequence[int]
    end: int
    max_fps: float | None
    _before: int = -1
    _told: Counter[str] = field(default_factory=Counter)
    _found: list[DroppedFrames] = field(default_factory=list)

    def told(self, dropped: Mapping[str, int]) -> None:
        """Frames were dropped since the last frame with a result."""
        self._told.update(dropped)

    def close(self, number: int) -> None:
        """The next frame with a result has this number."""
        first = self.times[self._before] if self._before >= 0 else 0
        last = self.times[number] if number < len(self.times) else self.end
        left = number - self._before - 1
        for reason, count in sorted(self._told.items()):
            # Those before the recording's first frame belong to the recording before.
            here = count if reason == _NETWORK else min(count, left)
            left -= min(here, left)
            self._add(first, last, here, reason)
        self._add(first, last, self._unexplained(left, last - first), NOT_ANALYSED)
        self._told.clear()
        self._before = number

    def ranges(self) -> tuple[DroppedFrames, ...]:
        """In order of time; neighbours with one reason are one, and what is too much is one for each reason."""
        joined: list[DroppedFrames] = []
        latest: dict[str, int] = {}
        for item in self._found:
            place = latest.get(item.reason)
            full = len(joined) >= MOST_RANGES
            if place is not None and (full or joined[place].end_ms == item.start_ms):
                one = joined[place]
                joined[place] = DroppedFrames(one.start_ms, item.end_ms, one.frames + item.frames, one.reason)
            else:
                latest[item.reason] = len(joined)
                joined.append(item)
        return tuple(joined)

    def _unexplained(self, left: int, ticks: int) -> int:
        """How many of the frames left over nobody accounts for, in a gap of so many ticks."""
        if self.max_fps is None:
            return left
        if ticks <= _REGULAR_TICKS:
            return 0
        return max(0, min(left, int(ticks * self.max_fps / TICKS_PER_SECOND) - 1))

    def _add(self, first: int, last: int, count: int, reason: str) -> None:
        if count > 0:
            self._found.append(DroppedFrames(_ms(first), _ms(last), count, reason))


def _ms(ticks: int) -> float:
    return round(ticks * 1000 / TICKS_PER_SECOND, 3)

"""Which frames of a recording have a result, and why the others have none. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from contracts.live.results import LiveFrame
from contracts.live.streams import TICKS_PER_SECOND, DropReason
from contracts.wire.messages import DroppedFrames, Plan, encode

# Reasons besides those of DropReason: no detector had the stream, or its results were lost; the model or the options
# were changed meanwhile, so that these results do not belong to those of the recording.
NOT_ANALYSED = "not_analysed"
OTHER_OPTIONS = "other_options"

MOST_RANGES = 1000
# With max_fps, a shorter gap between two results is no sign of anything: sources are not that regular.
_REGULAR_TICKS = TICKS_PER_SECOND
# A detector tells of a drop with its next result, which may be of a frame before the dropped one or some after it.
_NEAR_TICKS = 2 * TICKS_PER_SECOND
_NETWORK = str(DropReason.NETWORK)


AnyPlan = TypeVar("AnyPlan", bound=Plan)


@dataclass(frozen=True, slots=True)
class Matched:
    """Results by frame: numbers in the display order of the video, rising; times in ticks from its start. dropped: what
    has none."""

    frames: tuple[LiveFrame, ...]
    numbers: tuple[int, ...]
    times: tuple[int, ...]
    dropped: tuple[DroppedFrames, ...]


def plan_of_most(frames: Iterable[LiveFrame], plans: Mapping[int, AnyPlan]) -> tuple[AnyPlan, frozenset[int]] | None:
    """The plan by which most of the frames were made, the latest of several, and its numbers in plans: a change of
    something else than the analysis has a number too. None where no frame's plan is known."""
    counted = Counter(frame.plan for frame in frames)
    same: defaultdict[bytes, set[int]] = defaultdict(set)
    for number, plan in plans.items():
        same[encode(plan)].add(number)
    used = [numbers for numbers in same.values() if any(counted[one] for one in numbers)]
    if not used:
        return None
    best = max(used, key=lambda numbers: (sum(counted[one] for one in numbers), max(numbers & counted.keys())))
    return plans[max(best)], frozenset(best)


def match(
    times: Sequence[int],
    end: int,
    frames: Iterable[LiveFrame],
    start: int,
    plans: frozenset[int],
    max_fps: float | None,
    around: tuple[LiveFrame | None, LiveFrame | None] = (None, None),
) -> Matched:
    """The results of the frames of a recording.

    times: of all its frames, rising, in ticks from its start; end: of the recording, likewise. start: pts of its first
    frame. frames: those results whose pts are in it. plans: numbers of the one that counts. around: the last result
    before the recording and the first behind it, which may tell of its frames.
    """
    places = {time: number for number, time in enumerate(times)}
    before, after = around
    gaps = [_Gap(0, 0, 0, Counter(before.dropped if before else {}), outside=True)]
    kept: dict[int, LiveFrame] = {}
    last, told = -1, Counter[str]()

    def close(number: int, until: int) -> None:
        since = times[last] if last >= 0 else 0
        gaps.append(_Gap(since, until, number - last - 1, Counter(told)))
        told.clear()

    for frame in sorted(frames, key=lambda frame: frame.pts):
        number = places.get(frame.pts - start)
        if number is None or number in kept:
            continue
        told.update(frame.dropped)
        if frame.plan not in plans:
            told[OTHER_OPTIONS] += 1
            continue
        close(number, times[number])
        kept[number] = frame
        last = number
    close(len(times), end)
    gaps.append(_Gap(end, end, 0, Counter(after.dropped if after else {}), outside=True))
    kept_times = tuple(times[number] for number in kept)
    return Matched(tuple(kept.values()), tuple(kept), kept_times, _ranges(_explained(gaps, max_fps)))


@dataclass(slots=True)
class _Gap:
    """Between two frames with a result, at start and end in ticks. left: frames in between that are not accounted for.
    told: drops by reason that the result at its end tells of, and that account for no frame yet. outside: not in the
    recording."""

    start: int
    end: int
    left: int
    told: Counter[str]
    outside: bool = False


def _explained(gaps: Sequence[_Gap], max_fps: float | None) -> list[DroppedFrames]:
    """The drops of each gap: those that its own result tells of, then those that a near one does."""
    found: list[Counter[str]] = [Counter() for _ in gaps]
    for place, gap in enumerate(gaps):
        _take(gap, gap.told, found[place])
    for place, gap in enumerate(gaps):
        for other in _near(gaps, place):
            _take(gap, other.told, found[place])
    dropped = []
    for gap, reasons in zip(gaps, found, strict=True):
        if gap.outside:
            continue
        # What was lost on the way here has no frame in the recording.
        reasons[_NETWORK] += gap.told[_NETWORK]
        reasons[NOT_ANALYSED] += _unexplained(gap, max_fps)
        span = _ms(gap.start), _ms(gap.end)
        dropped += [DroppedFrames(*span, count, reason) for reason, count in sorted(reasons.items()) if count]
    return dropped


def _take(gap: _Gap, told: Counter[str], found: Counter[str]) -> None:
    """Account for frames of a gap by drops that were told of."""
    for reason in sorted(told):
        count = min(gap.left, told[reason])
        gap.left -= count
        told[reason] -= count
        found[reason] += count


def _near(gaps: Sequence[_Gap], place: int) -> Iterator[_Gap]:
    """The gaps before and after one, the nearest first, while frames of it are left."""
    gap = gaps[place]
    for step in (-1, 1):
        other = place + step
        while gap.left and 0 <= other < len(gaps):
            if max(gap.start - gaps[other].end, gaps[other].start - gap.end) > _NEAR_TICKS:
                break
            yield gaps[other]
            other += step


def _unexplained(gap: _Gap, max_fps: float | None) -> int:
    """How many of the frames left in a gap max_fps does not leave out."""
    if max_fps is None:
        return gap.left
    ticks = gap.end - gap.start
    if ticks <= _REGULAR_TICKS:
        return 0
    return max(0, min(gap.left, int(ticks * max_fps / TICKS_PER_SECOND) - 1))


def _ranges(found: Iterable[DroppedFrames]) -> tuple[DroppedFrames, ...]:
    """In order of time; neighbours with one reason are one, and what is too much is one for each reason."""
    joined: list[DroppedFrames] = []
    latest: dict[str, int] = {}
    for item in found:
        place = latest.get(item.reason)
        full = len(joined) >= MOST_RANGES
        if place is not None and (full or joined[place].end_ms == item.start_ms):
            one = joined[place]
            joined[place] = DroppedFrames(one.start_ms, item.end_ms, one.frames + item.frames, one.reason)
        else:
            latest[item.reason] = len(joined)
            joined.append(item)
    return tuple(joined)


def _ms(ticks: int) -> float:
    return round(ticks * 1000 / TICKS_PER_SECOND, 3)

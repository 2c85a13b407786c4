"""Cutting a video into chunks. Pure: depends on the packet index and the chunk size alone."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from contracts.errors import VideoRefused
from contracts.wire.messages import Jump, PacketIndex

_JUMP_FRAMES = 24
FIRST_FRAMES = 24
_LAST_FRAMES = 48


@dataclass(frozen=True, slots=True)
class Span:
    """A run of frames: see contracts.wire.messages.Chunk for the fields."""

    seeks: tuple[int | None, ...]
    first_frame: int
    times: tuple[int, ...]
    end: int | None
    sampled: tuple[int, ...] | None = None
    jumps: tuple[Jump, ...] = ()


def pick(index: PacketIndex, spans: tuple[Span, ...], numbers: Sequence[int]) -> tuple[Span, ...]:
    """The spans with only the frames of the given numbers (rising); those left empty go."""
    picked = []
    keys: list[tuple[int, int | None]] = []
    all_times: tuple[int, ...] = ()
    for span in spans:
        low = bisect_left(numbers, span.first_frame)
        high = bisect_left(numbers, span.first_frame + len(span.times))
        if high - low == len(span.times):
            picked.append(span)
        elif kept := tuple(numbers[low:high]):
            if not all_times:  # as long as all frames are wanted, there is no need of them
                all_times = shown(index)
                keys = _keys(index) if index.clock == "pts" else []  # by counting, nothing can be left out
            times = tuple(span.times[number - span.first_frame] for number in kept)
            jumps = tuple(_jumps(keys, all_times, kept))
            picked.append(replace(span, first_frame=kept[0], times=times, sampled=kept, jumps=jumps))
    return tuple(picked)


def _jumps(keys: list[tuple[int, int | None]], times: tuple[int, ...], kept: tuple[int, ...]) -> Iterator[Jump]:
    """Where so many frames lie between two that are wanted that a seek is cheaper than to decode them."""
    for position, (before, number) in enumerate(pairwise(kept), start=1):
        if number - before <= _JUMP_FRAMES:
            continue
        nearest = bisect_right(keys, times[number], key=lambda key: key[0]) - 1
        # Never from the file's start: where a frame is lost, that would be for each jump.
        seeks = tuple(dts for dts in _seeks(keys, times[number]) if dts is not None)
        if seeks and nearest >= 0 and bisect_left(times, keys[nearest][0]) - before > _JUMP_FRAMES:
            yield Jump(position, seeks)


def cut(index: PacketIndex, chunk_size: int, first: int | None = None) -> tuple[Span, ...]:
    """The frames of a video, each exactly once, in spans of about chunk_size frames.

    first: about how many the first span has, and each of the next twice as many as the one before, until
    they have chunk_size: whoever watches a job sees its first frames soon. None for chunk_size at once.
    Towards the end they get shorter again, where keyframes allow it: detectors that share the job end together.
    A span starts at the keyframe nearest to the aim. Where none is within twice the aim's length it starts inside
    the group, and its decoding at the group's keyframe. Raises VideoRefused when there is no keyframe.
    """
    keys = _keys(index)
    times = shown(index)
    ranks = [bisect_left(times, time) for time, _ in keys]
    bounds = _bounds(len(times), ranks, chunk_size, first or chunk_size)
    return tuple(
        Span(
            seeks=_seeks(keys, times[start]),
            first_frame=start,
            times=tuple(times[start:stop]),
            end=times[stop] if stop < len(times) else None,
        )
        for start, stop in zip(bounds, [*bounds[1:], len(times)], strict=True)
    )


def shown(index: PacketIndex) -> tuple[int, ...]:
    """The times of the frames that count, in order.

    Frames before the first keyframe lack what they refer to. Raises VideoRefused when there is no keyframe.
    """
    keys = _keys(index)
    if not keys:
        raise VideoRefused("the video has no keyframe to start decoding at")
    times = sorted(time for time in _times(index) if time is not None and time >= keys[0][0])
    return tuple(time for time, _ in groupby(times))  # each once; a set of them would take more room than they do


def _times(index: PacketIndex) -> tuple[int | None, ...]:
    return index.pts if index.clock == "pts" else index.dts


def _keys(index: PacketIndex) -> list[tuple[int, int | None]]:
    """(time, dts) of the keyframes, rising. One that is never shown counts from the first frame of its group."""
    clock = _times(index)
    keys = []
    for start, stop in pairwise([*index.keyframes, len(clock)]):
        group = clock[start : start + 1] if clock[start] is not None else clock[start:stop]
        known = [time for time in group if time is not None]
        if known:
            keys.append((min(known), index.dts[start]))
    return sorted(keys)


def _bounds(total: int, ranks: list[int], chunk_size: int, first: int) -> list[int]:
    """The first frame of each span; ranks are the frame numbers of the keyframes, rising."""
    bounds, size, least = [0], min(chunk_size, first), min(chunk_size, _LAST_FRAMES)
    while (left := total - bounds[-1]) > size or left > least * 3 // 2:
        start = bounds[-1]
        at = _nearest(ranks, start, min(size, max(least, left // 2)))
        if at is None and left > size:
            at = _nearest(ranks, start, size) or start + size
        if at is None:
            break
        bounds.append(at)
        size = min(chunk_size, 2 * size)
    return bounds


def _nearest(ranks: list[int], start: int, size: int) -> int | None:
    """The keyframe nearest to where a span of that size ends; None when there is none within twice the size."""
    near = ranks[bisect_right(ranks, start) : bisect_right(ranks, start + 2 * size)]
    return min(near, key=lambda rank: (abs(rank - start - size), rank)) if near else None


def _seeks(keys: list[tuple[int, int | None]], time: int) -> tuple[int | None, ...]:
    """Where decoding may start to reach a frame: its keyframe, those before, the file's start.

    With intra-refresh a picture is whole only some keyframes on.
    """
    nearest = bisect_right(keys, time, key=lambda key: key[0]) - 1
    candidates = [keys[i][1] for i in (nearest, nearest - 1, nearest - 3) if i > 0]
    return (*(dts for dts in candidates if dts is not None), None)

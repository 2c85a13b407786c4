"""Cutting a video into chunks. Pure: depends on the packet index and the chunk size alone."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from msgspec import UNSET

from contracts.wire.messages import PacketIndex, SeekPoint, Stretch
from contracts.wire.runs import MOST_FRAMES
from processor.core.frame_order import FrameOrder, frame_order, keyframe_ranks

_JUMP_FRAMES = 24
FIRST_FRAMES = 8
LAST_FRAMES = 16
# Sizes of the chunks, the first and the last ones of jobs that infer some frames only: they decide which ones, so no
# setting may change them.
ADAPTIVE_FRAMES = (240, 24, 48)
_PARTS_LEFT = 3  # of what is left, towards the end: a span each for two detectors that share it, and another one
_MOST_AGAIN = 16  # one in so many frames may be decoded twice, so that the first span and the last ones are short
_LONGEST = 16  # of a span, in chunk sizes: a task has a time limit
_GROWTH = 3  # how many times as far each span inside a group ends
# How many packets a frame may be decoded after one that is shown later: at most 16 frames, by all codecs.
_REORDERED = 64


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive frames: see contracts.wire.messages.Chunk for the fields. end: time of the frame after it, None at
    the end of the video. run: number of the first frame of the spans that are computed in one go with this one."""

    first_frame: int
    times: tuple[int, ...]
    packets: tuple[int, ...]
    stretches: tuple[Stretch, ...]
    end: int | None
    sampled: tuple[int, ...] | None = None
    run: int | None = None


class Cutter:
    """Cuts one video. order: its frames. Raises VideoRefused when there is no keyframe."""

    def __init__(self, index: PacketIndex) -> None:
        self.order: FrameOrder = frame_order(index)
        self._index = index
        self._keys = keyframe_ranks(index, self.order)
        self._key_ranks = [rank for rank, _ in self._keys]

    def cut(self, chunk_size: int, first: int | None = None, last: int | None = None) -> tuple[Span, ...]:
        """The frames, each exactly once, in spans of about chunk_size frames.

        first: about how many the first span has, and each of the next twice as many as the one before, until they
        have chunk_size: whoever watches a job sees its first frames soon. Towards the end they get shorter again, down
        to about last, so that detectors that share the job end together. None for chunk_size at once, and to the end.
        A span starts at the keyframe nearest to the aim. Where none is within twice the aim's length it starts inside
        the group, and its decoding at the group's keyframe; such spans grow: see _inside. Few frames may be
        decoded twice, so that the first span and the last ones are short. Long ones are cut into runs.
        """
        total = len(self.order.packets)
        bounds = _bounds(total, self._key_ranks, chunk_size, first or chunk_size, last or chunk_size)
        return tuple(span for pair in pairwise([*bounds, total]) for span in self._spans(*pair, chunk_size))

    def pick(self, spans: tuple[Span, ...], numbers: Sequence[int]) -> tuple[Span, ...]:
        """The spans with only the frames of the given numbers (rising); those left empty go."""
        picked = []
        for span in spans:
            low = bisect_left(numbers, span.first_frame)
            high = bisect_left(numbers, span.first_frame + len(span.times))
            if high - low == len(span.times):
                picked.append(span)
            elif kept := tuple(numbers[low:high]):
                picked.append(self._picked(span, kept, span.stretches[0].seeks))
        return tuple(picked)

    def reach(self, numbers: Sequence[int]) -> Span:
        """One span of the frames of the given numbers (rising, at least one), each decoded from its keyframe."""
        every = self._span(0, len(self.order.packets))
        return self._picked(every, tuple(numbers), (*self._seeks(numbers[0]), None))

    def _spans(self, start: int, stop: int, chunk_size: int) -> Iterator[Span]:
        longest = _LONGEST * chunk_size
        bounds: list[int] = [start, stop]
        run: int | None = None
        if stop - start > longest:
            bounds, run = [start, *self._bounds_in_run(start, stop, chunk_size), stop], start
            if max(after - before for before, after in pairwise(bounds)) > longest:
                bounds, run = [*range(start, stop, longest), stop], None
        for before, after in pairwise(bounds):
            yield replace(self._span(before, after), run=run)

    def _bounds_in_run(self, start: int, stop: int, chunk_size: int) -> list[int]:
        """Bounds within a run: where frames are decoded in about the order in which they are shown, so that a chunk is
        done soon after its last frame."""
        packets = np.asarray(self.order.packets[start:stop])
        before, after = np.maximum.accumulate(packets), np.minimum.accumulate(packets[::-1])[::-1]
        aims = range(chunk_size, stop - start - chunk_size // 2, chunk_size)
        return [start + at for at in aims if before[at - 1] - after[at] < _REORDERED]

    def _span(self, start: int, stop: int) -> Span:
        order = self.order
        packets = order.packets[start:stop]
        end = order.times[stop] if stop < len(order.times) else None
        stretch = Stretch(0, (*self._seeks(start), None), order.last_packet(packets))
        return Span(start, order.times[start:stop], packets, (stretch,), end)

    def _picked(self, span: Span, kept: tuple[int, ...], seeks: tuple[SeekPoint | None, ...]) -> Span:
        """Some frames of a span. seeks: where their decoding may start."""
        order = self.order
        packets = tuple(order.packets[number] for number in kept)
        starts = [(0, seeks), *self._jumps(kept)]
        stops = [*(at for at, _ in starts[1:]), len(kept)]
        stretches = tuple(
            Stretch(at, seeks, order.last_packet(packets[at:stop]))
            for (at, seeks), stop in zip(starts, stops, strict=True)
        )
        times = tuple(order.times[number] for number in kept)
        return replace(span, first_frame=kept[0], times=times, packets=packets, stretches=stretches, sampled=kept)

    def _jumps(self, kept: tuple[int, ...]) -> Iterator[tuple[int, tuple[SeekPoint, ...]]]:
        """Positions where so many frames lie before a wanted one that a seek is cheaper than to decode them."""
        for position, (before, number) in enumerate(pairwise(kept), start=1):
            if number - before <= _JUMP_FRAMES:
                continue
            nearest = bisect_right(self._key_ranks, number) - 1
            # Never from the file's start: where a frame is lost, that would be for each jump.
            seeks = self._seeks(number)
            if seeks and nearest >= 0 and self._key_ranks[nearest] - before > _JUMP_FRAMES:
                yield position, seeks

    def _seeks(self, number: int) -> tuple[SeekPoint, ...]:
        """Where decoding may start to reach a frame besides the file's start: its keyframe, and those before.

        With intra-refresh a picture is whole only some keyframes on.
        """
        index, nearest = self._index, bisect_right(self._key_ranks, number) - 1
        if index.locations is UNSET:
            return ()
        positions = [self._keys[key][1] for key in (nearest, nearest - 1, nearest - 3) if key > 0]
        return tuple(
            SeekPoint(packet, index.locations[position], index.pts[packet], index.dts[packet])
            for position, packet in ((position, index.keyframes[position]) for position in positions)
        )


def _bounds(total: int, ranks: list[int], chunk_size: int, first: int, last: int) -> list[int]:
    """The first frame of each span; ranks are the frame numbers of the keyframes, rising."""
    bounds, size, least = [0], min(chunk_size, first), min(chunk_size, last)
    again = total // _MOST_AGAIN
    while (left := total - bounds[-1]) > size or left > least * 3 // 2:
        start = bounds[-1]
        aim = min(size, max(least, left // _PARTS_LEFT))
        at = _nearest(ranks, start, aim)
        lead_in = start + aim - _keyframe(ranks, start)
        if at is None and (aim < size or not start) and lead_in <= again:
            at, again = start + aim, again - lead_in
        if at is None and left > size:
            at = _nearest(ranks, start, size) or _inside(ranks, total, start, size)
        if at is None or at >= total:
            break
        bounds.append(at)
        size = min(chunk_size, 2 * size)
    return bounds


def _nearest(ranks: list[int], start: int, size: int) -> int | None:
    """The keyframe nearest to where a span of that size ends; None when there is none within twice the size."""
    near = ranks[bisect_right(ranks, start) : bisect_right(ranks, start + 2 * size)]
    return min(near, key=lambda rank: (abs(rank - start - size), rank)) if near else None


def _inside(ranks: list[int], total: int, start: int, size: int) -> int:
    """The end of a span inside a group: the group's length divided by 3, 9, 27... Before their own frames, the last
    span decodes a third of the group, the one before it a ninth...: together half of it."""
    nearest, first = bisect_right(ranks, start) - 1, _keyframe(ranks, start)
    length = (ranks[nearest + 1] if nearest + 1 < len(ranks) else total) - first
    end = length
    while end // _GROWTH >= start - first + size:
        end //= _GROWTH
    return min(first + end, start + MOST_FRAMES)


def _keyframe(ranks: list[int], start: int) -> int:
    """Where the group of a frame begins."""
    nearest = bisect_right(ranks, start) - 1
    return ranks[nearest] if nearest >= 0 else 0

"""Appearances: intervals of frames that contain a label, forwards or backwards. Pure except for reading segments."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from api.results.selection import Filter, Query, Selection, last_segment_before, segment_of, walk
from api.results.sources import Frames
from contracts.results.codec import Block, times_ms

DEFAULT_GAP_MS = 1000.0
DEFAULT_LIMIT = 100


class AppearanceQuery(Filter, frozen=True, kw_only=True):
    """A query for intervals of a label with no gap longer than gap_ms: those that begin at from_ms or later, or with
    `backwards` those that begin before it, latest first. from_ms None: from the start, or from the end."""

    label: str
    min_score: float | None = None
    from_ms: float | None = None
    gap_ms: float = DEFAULT_GAP_MS
    backwards: bool = False

    def selection(self, frames: Frames, from_ms: float | None = None) -> Selection:
        """The frames to read. Raises InvalidInput for an unknown label."""
        query = Query(labels=(self.label,), min_score=self.min_score, from_ms=from_ms)
        return Selection(query, frames.header)

    def reaches(self, one_ms: float, later_ms: float) -> bool:
        """Whether two times belong to one interval: later_ms is at most gap_ms after one_ms."""
        return round(1000 * (later_ms - one_ms)) <= 1000 * self.gap_ms


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval: first and last frame with their times, number of frames, maximum of objects per frame.

    growing: it ends at the frontier of a running job and may become longer.
    """

    from_ms: float
    to_ms: float
    first_frame: int
    last_frame: int
    frames: int
    max_in_frame: int
    growing: bool = False

    def joined(self, later: "Interval") -> "Interval":
        """This interval merged with the next one."""
        return Interval(
            self.from_ms,
            later.to_ms,
            self.first_frame,
            later.last_frame,
            self.frames + later.frames,
            max(self.max_in_frame, later.max_in_frame),
        )


@dataclass(frozen=True, slots=True)
class IntervalPage:
    """Intervals in the requested order, and the frame of the next page; None at the end."""

    intervals: list[Interval]
    next_frame: int | None


def find(frames: Frames, query: AppearanceQuery, limit: int, frame: int = 0) -> IntervalPage:
    """At most `limit` intervals. frame: next_frame of the previous page, else 0.

    Raises InvalidInput for an unknown label.
    """
    return (_earlier if query.backwards else _later)(frames, query, limit, frame)


def _later(frames: Frames, query: AppearanceQuery, limit: int, frame: int) -> IntervalPage:
    """Forwards. Starts one gap before from_ms, to recognise an interval that began earlier."""
    start_ms = query.from_ms
    selection = query.selection(frames, None if start_ms is None else start_ms - query.gap_ms - 1)
    found: list[Interval] = []
    now: Interval | None = None
    last_ms, next_frame, waits = 0.0, frame, False
    for block in walk(frames, selection, first_frame=frame):
        if block is None:
            waits = True
            break
        for part in _parts(block, frames, selection, query):
            if now is not None and query.reaches(now.to_ms, part.from_ms):
                now = now.joined(part)
                continue
            found += _if_late_enough(now, start_ms)
            now = part
            if len(found) >= limit and _if_late_enough(now, start_ms):
                return IntervalPage(found, now.first_frame)
        if len(block):
            last_ms, next_frame = _last_ms(block, frames), int(block.frame[-1]) + 1
    if waits and now is not None and query.reaches(now.to_ms, last_ms):
        now, next_frame = replace(now, growing=True), now.first_frame
    return IntervalPage([*found, *_if_late_enough(now, start_ms)], next_frame if waits else None)


def _if_late_enough(interval: Interval | None, start_ms: float | None) -> list[Interval]:
    """The interval as a list, empty when there is none or it begins before start_ms."""
    return [interval] if interval is not None and (start_ms is None or interval.from_ms >= start_ms) else []


def _earlier(frames: Frames, query: AppearanceQuery, limit: int, frame: int) -> IntervalPage:
    """Backwards. frame: only intervals before it, 0 for all."""
    selection = query.selection(frames)
    parts = _backwards(frames, selection, query, frame)
    now = next(parts, None)
    if now is None:
        return IntervalPage([], None)
    if not frame:
        now = _continued(frames, selection, query, now)
    found: list[Interval] = []
    for part in parts:
        if query.reaches(part.to_ms, now.from_ms):
            now = replace(part.joined(now), growing=now.growing)
            continue
        found.append(now)
        now = part
        if len(found) == limit:
            return IntervalPage(found, found[-1].first_frame)
    return IntervalPage([*found, now], None)


def _backwards(frames: Frames, selection: Selection, query: AppearanceQuery, frame: int) -> Iterator[Interval]:
    """Parts of intervals before a frame (0: before the query's from_ms, or the end), latest first."""
    last = frames.finished - 1
    if frame:
        last = min(last, segment_of(frames, frame - 1))
    elif query.from_ms is not None:
        last = min(last, last_segment_before(frames, query.from_ms))
    bound = Query(to_frame=frame) if frame else Query(to_ms=query.from_ms)
    before = Selection(bound, frames.header)
    for position in range(last, -1, -1):
        block = frames.segment(position, masks=False)
        if block is not None:
            yield from reversed(_parts(before.within(block), frames, selection, query))


def _continued(frames: Frames, selection: Selection, query: AppearanceQuery, interval: Interval) -> Interval:
    """The interval extended by the parts after its last frame."""
    for block in walk(frames, selection, first_frame=interval.last_frame + 1):
        if block is None:
            return replace(interval, growing=True)
        for part in _parts(block, frames, selection, query):
            if not query.reaches(interval.to_ms, part.from_ms):
                return interval
            interval = interval.joined(part)
        if len(block) and not query.reaches(interval.to_ms, _last_ms(block, frames)):
            return interval
    return interval


def _parts(block: Block, frames: Frames, selection: Selection, query: AppearanceQuery) -> list[Interval]:
    """The intervals of one block."""
    running = np.concatenate([[0], np.cumsum(selection.objects(block))])
    count = np.diff(running[block.offsets()])
    seen = np.flatnonzero(count)
    if not len(seen):
        return []
    ms = times_ms(block.time[seen], frames.header.time_base)
    gaps = np.flatnonzero(np.rint(1000 * np.diff(ms)) > 1000 * query.gap_ms)
    first, last = np.concatenate([[0], gaps + 1]), np.concatenate([gaps, [len(seen) - 1]])
    columns = (
        ms[first],
        ms[last],
        block.frame[seen[first]],
        block.frame[seen[last]],
        last - first + 1,
        np.maximum.reduceat(count[seen], first),
    )
    return [Interval(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _last_ms(block: Block, frames: Frames) -> float:
    return float(times_ms(block.time[-1:], frames.header.time_base)[0])


def representation(label: str, interval: Interval) -> dict[str, Any]:
    """The JSON representation of an interval."""
    fields: dict[str, Any] = {name: getattr(interval, name) for name in Interval.__slots__}
    return {"label": label, **fields}

"""Time series: objects per label in time buckets, for plots of long videos. Pure except for reading segments."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.results.selection import Selection, walk
from api.results.sources import Frames
from contracts.results.codec import Block, time_ms, times_ms

DEFAULT_BUCKETS = 500

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """A time range from from_ms (inclusive) to to_ms (exclusive), in `buckets` of bucket_ms each; the last may extend
    beyond the end."""

    from_ms: float
    to_ms: float
    bucket_ms: float
    buckets: int

    def edges(self) -> NDArray[np.float64]:
        """The start of each bucket in ms, [buckets]."""
        return self.from_ms + np.arange(self.buckets, dtype=np.float64) * self.bucket_ms


class Series:
    """Counts per bucket, accumulated block by block.

    frames [b]: frames per bucket. any [b]: those with at least one object. most [l, b]: maximum of objects of a label
    in one frame. total [l, b]: objects of a label. first [l]: first frame with the label, or -1. last_ms: time of the
    last counted frame.
    """

    def __init__(self, span: Span, labels: int, time_base: tuple[int, int]) -> None:
        self.span = span
        self.frames: Counts = np.zeros(span.buckets, np.int64)
        self.any: Counts = np.zeros(span.buckets, np.int64)
        self.most: Counts = np.zeros((labels, span.buckets), np.int64)
        self.total: Counts = np.zeros((labels, span.buckets), np.int64)
        self.first: Counts = np.full(labels, -1, np.int64)
        self.last_ms: float | None = None
        self._edges = span.edges()
        self._time_base = time_base

    def add(self, block: Block, wanted: NDArray[np.bool_]) -> None:
        """Count frames of the span, in order of time. wanted [d]: which detections count."""
        if not len(block):
            return
        times = times_ms(block.time, self._time_base)
        bucket = np.searchsorted(self._edges, times, side="right") - 1
        frame = np.repeat(np.arange(len(block)), block.count)[wanted]
        class_id = block.class_id[wanted].astype(np.int64)
        # A block contains few labels: count only these.
        present = np.flatnonzero(np.bincount(class_id))
        place = np.searchsorted(present, class_id)
        cells = len(present) * len(block)
        counts = np.bincount(place * len(block) + frame, minlength=cells).reshape(len(present), len(block))
        starts = np.flatnonzero(np.diff(bucket, prepend=-1))
        touched = bucket[starts]
        self.frames[touched] += np.diff(starts, append=len(block))
        self.any[touched] += np.add.reduceat((counts > 0).any(axis=0), starts, dtype=np.int64)
        self.last_ms = float(times[-1])
        if len(present):
            new = self.first[present] < 0
            self.first[present[new]] = block.frame[(counts[new] > 0).argmax(axis=1)]
            cell = np.ix_(present, touched)
            self.total[cell] += np.add.reduceat(counts, starts, axis=1)
            self.most[cell] = np.maximum(self.most[cell], np.maximum.reduceat(counts, starts, axis=1))


def read_series(frames: Frames, selection: Selection, span: Span) -> tuple[Series, bool]:
    """The series of a span, and whether a running job has more frames to come. selection: limited to the span."""
    series = Series(span, len(frames.header.labels), frames.header.time_base)
    for block in walk(frames, selection):
        if block is None:
            return series, True
        series.add(block, selection.objects(block))
    return series, False


def span_of(frames: Frames, from_ms: float | None, to_ms: float | None, buckets: int, ended: bool) -> Span:
    """The requested time range, by default that of the job, in at most `buckets` buckets, none shorter than the frame
    interval.

    The range of an ended job is that of its frames; that of a running job extends to the end of the video.
    """
    header = frames.header
    first = _edge_ms(frames, 0)
    frame_ms = 1000 / header.media.fps if header.media.fps > 0 else 1.0
    least_ms = max(frame_ms * (header.plan.options.every_n or 1), 1000 / (header.plan.options.sample_fps or math.inf))
    start = first if from_ms is None else from_ms
    if to_ms is None:
        last = round(_edge_ms(frames, -1) + frame_ms, 3)
        to_ms = max(start, last if ended else max(last, _planned_end(frames, first)))
    length = max(0.0, to_ms - start)
    width = max(math.ceil(1000 * max(length / buckets, min(least_ms, length))) / 1000, 0.001)
    return Span(start, max(start, to_ms), width, min(buckets, max(1, math.ceil(length / width))))


def to_document(frames: Frames, series: Series, waiting: bool, complete: bool) -> dict[str, Any]:
    """The JSON document. Labels without objects are omitted."""
    span, header = series.span, frames.header
    shown = np.maximum(series.frames, 1)
    found = np.flatnonzero(series.total.any(axis=1)).tolist()
    return {
        "from_ms": span.from_ms,
        "to_ms": span.to_ms,
        "bucket_ms": span.bucket_ms,
        "frames": series.frames.tolist(),
        "any": series.any.tolist(),
        "labels": {
            header.labels[class_id]: {
                "first_frame": int(series.first[class_id]),
                "max": series.most[class_id].tolist(),
                "mean": np.round(series.total[class_id] / shown, 3).tolist(),
            }
            for class_id in found
        },
        "complete": complete,
        "frontier_ms": (span.from_ms if series.last_ms is None else series.last_ms) if waiting else None,
    }


def empty_document(from_ms: float, to_ms: float | None, ended: bool) -> dict[str, Any]:
    """The JSON document of a job without results, or without results yet."""
    length = max(0.0, (to_ms or from_ms) - from_ms)
    return {
        "from_ms": from_ms,
        "to_ms": from_ms + length,
        "bucket_ms": length or 1.0,
        "frames": [0],
        "any": [0],
        "labels": {},
        "complete": False,
        "frontier_ms": None if ended else from_ms,
    }


def _edge_ms(frames: Frames, edge: int) -> float:
    """The time of the first finished frame (edge 0) or the last one (edge -1); 0 without frames."""
    positions = range(frames.finished)
    for position in positions if edge == 0 else reversed(positions):
        block = frames.segment(position, masks=False)
        if block is None:
            break
        if len(block):
            return time_ms(int(block.time[edge]), frames.header.time_base)
    return 0.0


def _planned_end(frames: Frames, first: float) -> float:
    """The expected end of a running job, by its options and the length of the video."""
    header = frames.header
    options = header.plan.options
    end = header.media.duration_ms + (first if options.start_ms is None else 0.0)
    return end if options.end_ms is None else min(end, options.end_ms)

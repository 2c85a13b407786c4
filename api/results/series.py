"""Objects per label over time, in few numbers: what a plot of a long video needs. Pure but for reading segments."""

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
    """Times from from_ms (included) to to_ms (not included), in `buckets` of bucket_ms each; the last may reach
    beyond the end."""

    from_ms: float
    to_ms: float
    bucket_ms: float
    buckets: int

    def edges(self) -> NDArray[np.float64]:
        """Where each bucket begins, [buckets]."""
        return self.from_ms + np.arange(self.buckets, dtype=np.float64) * self.bucket_ms


class Series:
    """What is counted in a span, block by block.

    frames [b]: frames of each bucket. any [b]: those with at least one object. most [l, b]: most objects of a
    label in one frame. total [l, b]: objects of a label. first [l]: the first frame with the label, or -1. last_ms:
    the last frame that was counted.
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
        """Frames in the span, in the order of their times, and which of their detections count."""
        if not len(block):
            return
        times = times_ms(block.time, self._time_base)
        bucket = np.searchsorted(self._edges, times, side="right") - 1
        frame = np.repeat(np.arange(len(block)), block.count)[wanted]
        class_id = block.class_id[wanted].astype(np.int64)
        # Few of the labels are in a block: only these are counted.
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
    """What is there of the span, and whether a running job has more of it to come. selection: of the span's times."""
    series = Series(span, len(frames.header.labels), frames.header.time_base)
    for block in walk(frames, selection):
        if block is None:
            return series, True
        series.add(block, selection.objects(block))
    return series, False


def span_of(frames: Frames, from_ms: float | None, to_ms: float | None, buckets: int, ended: bool) -> Span:
    """The asked times, or else those of the job, in so many buckets or fewer: none is
    shorter than what lies between two frames.

    A job that has ended has the times of its frames. One that runs is taken to go on as long as the video.
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


def answer(frames: Frames, series: Series, waiting: bool, complete: bool) -> dict[str, Any]:
    """The document that clients see. Labels without an object are left out."""
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


def nothing(from_ms: float, to_ms: float | None, ended: bool) -> dict[str, Any]:
    """The document of a job of which there is nothing, or nothing yet."""
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
    """The time of the first frame that there is (edge 0), or of the last (edge -1); 0 where there is none."""
    positions = range(frames.finished)
    for position in positions if edge == 0 else reversed(positions):
        block = frames.segment(position, masks=False)
        if block is None:
            break
        if len(block):
            return time_ms(int(block.time[edge]), frames.header.time_base)
    return 0.0


def _planned_end(frames: Frames, first: float) -> float:
    """Where a running job will end, as far as its options and the video's length tell."""
    header = frames.header
    options = header.plan.options
    end = header.media.duration_ms + (first if options.start_ms is None else 0.0)
    return end if options.end_ms is None else min(end, options.end_ms)

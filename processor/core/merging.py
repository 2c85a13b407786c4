"""Merging of chunk results: checks, missing ranges, summary. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contracts.errors import CorruptData
from contracts.results.codec import Block, time_ms
from contracts.wire.messages import Chunk, ChunkFailure, FrameRange

TOP_LABELS = 3
MOST_RANGES = 1000
NOT_DECODED = "the frames could not be decoded"


def check(chunk: Chunk, result: Block | ChunkFailure | None, absent: str) -> tuple[Block | None, list[FrameRange]]:
    """The frames of a chunk, and its missing ranges with their reasons.

    absent: the reason for a chunk without a result. Raises CorruptData when the result has frames that the chunk did
    not request, or duplicates.
    """
    numbers = np.asarray(chunk.numbers, np.int64)
    if result is None or isinstance(result, ChunkFailure):
        reason = absent if result is None else result.detail
        return None, [FrameRange(int(numbers[0]), int(numbers[-1]), reason)]
    rising = bool(np.all(np.diff(result.frame) > 0))
    asked = np.isin(numbers, result.frame)
    same = np.count_nonzero(asked) == len(result) and np.array_equal(np.asarray(chunk.times)[asked], result.time)
    if not (rising and same):
        raise CorruptData(f"chunk {chunk.index} holds frames that were not asked for")
    runs = _runs(np.flatnonzero(~asked))
    return result, [FrameRange(int(numbers[a]), int(numbers[b]), NOT_DECODED) for a, b in runs]


def join(ranges: Iterable[FrameRange], following: Mapping[int, int]) -> tuple[FrameRange, ...]:
    """Join adjacent ranges with the same reason, so that the result does not depend on the chunks.

    following: for the last frame of each chunk, the first frame of the next one.
    """
    joined: list[FrameRange] = []
    for item in ranges:
        if joined and following.get(joined[-1].last) == item.first and joined[-1].reason == item.reason:
            joined[-1] = FrameRange(joined[-1].first, item.last, item.reason)
        else:
            joined.append(item)
    return tuple(joined)


def bounded(ranges: tuple[FrameRange, ...]) -> tuple[FrameRange, ...]:
    """At most MOST_RANGES ranges. Where there are more, the last one spans the rest, with frames that are there too."""
    if len(ranges) <= MOST_RANGES:
        return ranges
    rest = ranges[MOST_RANGES - 1 :]
    reasons = "; ".join(dict.fromkeys(item.reason for item in rest))
    spanning = FrameRange(rest[0].first, rest[-1].last, f"{len(rest)} parts of this range: {reasons}")
    return (*ranges[: MOST_RANGES - 1], spanning)


def _runs(numbers: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[tuple[int, int]]:
    """Split ascending numbers into runs (first, last) of consecutive ones."""
    for run in np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1):
        if len(run):
            yield int(run[0]), int(run[-1])


@dataclass(slots=True)
class Tally:
    """Counts objects per label, block by block."""

    labels: tuple[str, ...]
    time_base: tuple[int, int]
    frames: int = 0
    inferred: int = 0
    _detections: dict[int, int] = field(default_factory=dict)
    _frames: dict[int, int] = field(default_factory=dict)
    _most: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """Count a block."""
        self.frames += len(block)
        self.inferred += block.inferred
        rows = np.repeat(np.arange(len(block)), block.count)
        for class_id in np.unique(block.class_id):
            per_frame = np.bincount(rows[block.class_id == class_id], minlength=len(block))
            key = int(class_id)
            self._detections[key] = self._detections.get(key, 0) + int(per_frame.sum())
            self._frames[key] = self._frames.get(key, 0) + int(np.count_nonzero(per_frame))
            best = int(per_frame.argmax())  # the first maximum
            if int(per_frame[best]) > self._most.get(key, (0, 0))[0]:
                self._most[key] = (int(per_frame[best]), int(block.time[best]))

    def summary(self, *, seconds: float, detector_seconds: float, cpu_seconds: float | None) -> dict[str, Any]:
        """The summary as in the API.

        seconds: from start to end of the job; detector_seconds: detector time spent on the frames; cpu_seconds: CPU
        time of the detectors, all attempts together, None where it is not known.
        """
        order = sorted(self._detections, key=lambda key: (-self._detections[key], key))
        return {
            "frames": self.frames,
            "seconds": round(seconds, 3),
            "ms_per_frame": round(detector_seconds / self.frames * 1000, 3) if self.frames else 0.0,
            "frames_inferred": self.inferred,
            "detector_cpu_seconds": None if cpu_seconds is None else round(cpu_seconds, 3),
            "labels": {
                self.labels[key]: {
                    "detections": self._detections[key],
                    "frames": self._frames[key],
                    "max_in_frame": self._most[key][0],
                    "max_at_ms": time_ms(self._most[key][1], self.time_base),
                }
                for key in order
            },
            "top_labels": [self.labels[key] for key in order[:TOP_LABELS]],
        }

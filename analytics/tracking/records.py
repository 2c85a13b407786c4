"""What is known of a track: of its first, its last and its best detection, and its way."""

from collections.abc import Container, Iterable, Iterator
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.boxes import Integers
from contracts.results.codec import Block
from contracts.results.tracks import Track, Tracks, of_tracks

_CLASSES = 65_536  # more than there are
# Part of the path's tolerance for x, and for y: both together stay within it.
PER_AXIS = 0.7

Point = tuple[int, int, int, int]  # frame, x, y, time


class Way(msgspec.Struct):
    """The foot points of a track, of which those are left out that a straight line passes at their frame: x and y each
    within a tolerance in 1/100 px. points: kept so far. last: the newest one, not kept yet. slopes: least and most of x
    and of y per frame, with which a line from the last kept point passes all since."""

    points: list[Point]
    last: Point | None = None
    slopes: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def add(self, points: list[Point], tolerance: float) -> None:
        """Add points, in the order of frames."""
        kept, last, (low_x, high_x, low_y, high_y) = self.points, self.last, self.slopes
        for point in points:
            frame, x, y, _ = point
            if not kept:
                kept.append(point)
                continue
            start, start_x, start_y, _ = kept[-1]
            frames = frame - start
            if last is not None:
                if low_x <= (x - start_x) / frames <= high_x and low_y <= (y - start_y) / frames <= high_y:
                    # Not by min and max: nothing else in Python runs for every detection.
                    if (least := (x - tolerance - start_x) / frames) > low_x:
                        low_x = least
                    if (most := (x + tolerance - start_x) / frames) < high_x:
                        high_x = most
                    if (least := (y - tolerance - start_y) / frames) > low_y:
                        low_y = least
                    if (most := (y + tolerance - start_y) / frames) < high_y:
                        high_y = most
                    last = point
                    continue
                kept.append(last)
                start, start_x, start_y, _ = last
                frames = frame - start
            low_x, high_x = (x - tolerance - start_x) / frames, (x + tolerance - start_x) / frames
            low_y, high_y = (y - tolerance - start_y) / frames, (y + tolerance - start_y) / frames
            last = point
        self.last, self.slopes = last, (low_x, high_x, low_y, high_y)

    def whole(self) -> list[Point]:
        """The kept points and the last one."""
        return [*self.points, self.last] if self.last is not None else self.points


class Record(msgspec.Struct):
    """A track so far. labels: sum of the scores of each class_id."""

    first: tuple[int, int]
    last: tuple[int, int]
    frames: int
    best_score: int
    best: tuple[int, int]
    best_box: tuple[int, int, int, int]
    hull: tuple[int, int, int, int]
    labels: dict[int, int]
    way: Way

    def track(self, number: int) -> Track:
        """The track with an id."""
        points = np.array(self.way.whole(), np.int64)
        label = min(self.labels, key=lambda class_id: (-self.labels[class_id], class_id))
        return Track(
            id=number,
            class_id=label,
            first_frame=self.first[0],
            last_frame=self.last[0],
            first_time=self.first[1],
            last_time=self.last[1],
            frames=self.frames,
            best_score=self.best_score,
            best_frame=self.best[0],
            best_time=self.best[1],
            best_box=self.best_box,
            hull=self.hull,
            path=points[:, :3],
            path_time=points[:, 3],
        )


class Part(msgspec.Struct):
    """What detections say of one track. points: where it stood, in the order of frames. The others are as in Record."""

    points: list[Point]
    best_score: int
    best: tuple[int, int]
    best_box: tuple[int, int, int, int]
    hull: tuple[int, int, int, int]
    labels: dict[int, int]


def parts_of(
    number: NDArray[np.int32], frame: Integers, time: Integers, class_id: Integers, score: Integers, box: Integers
) -> Iterator[tuple[int, Part]]:
    """The part of each track, with its number: of detections in the order of numbers and frames, as columns [n], box
    [n, 4]."""
    starts = np.flatnonzero(np.diff(number, prepend=0))
    if not len(starts):
        return
    most = np.maximum.reduceat(score, starts)
    best = np.flatnonzero(score == np.repeat(most, np.diff(starts, append=len(number))))
    best = best[np.searchsorted(best, starts)]  # the first one of each
    hull = np.concatenate([np.minimum.reduceat(box[:, :2], starts), np.maximum.reduceat(box[:, 2:], starts)], axis=1)
    columns = (column.tolist() for column in (frame, (box[:, 0] + box[:, 2]) // 2, box[:, 3], time))
    points = list(zip(*columns, strict=True))
    labels = _labels(number, class_id, score)
    rows = zip(most.tolist(), best.tolist(), box[best].tolist(), hull.tolist(), strict=True)
    for (start, stop), (best_score, at, best_box, around) in zip(pairwise([*starts.tolist(), None]), rows, strict=True):
        first = int(number[start])
        moment = points[at][0], points[at][3]
        yield first, Part(points[start:stop], best_score, moment, tuple(best_box), tuple(around), labels[first])


def parts_in(block: Block, number: NDArray[np.int32]) -> Iterator[tuple[int, Part]]:
    """The part of each track in a block, with its number. number [d]: of the track of each detection, 0 for none."""
    rows = np.flatnonzero(number)
    rows = rows[np.argsort(number[rows], kind="stable")]
    frame_of = np.repeat(np.arange(len(block)), block.count)[rows]
    class_id, score, box = (column[rows].astype(np.int64) for column in (block.class_id, block.score, block.box))
    yield from parts_of(number[rows], block.frame[frame_of], block.time[frame_of], class_id, score, box)


def tracks_of(blocks: Iterable[Block], wanted: Container[int], tolerance: int) -> Tracks:
    """The wanted tracks of blocks whose detections have their numbers, which become their ids. tolerance: as that of a
    tracker."""
    found: dict[int, Record] = {}
    for block in blocks:
        for number, part in parts_in(block, block.tracks):
            if number in wanted:
                found[number] = extended(found.get(number), part, tolerance * PER_AXIS)
    return of_tracks(found[number].track(number) for number in sorted(found))


def extended(record: Record | None, part: Part, tolerance: float) -> Record:
    """The record with more detections; a new one for None."""
    first, last = part.points[0], part.points[-1]
    if record is None:
        moment = first[0], first[3]
        record = Record(moment, moment, 0, part.best_score, part.best, part.best_box, part.hull, {}, Way([]))
    if part.best_score > record.best_score:
        record.best_score, record.best, record.best_box = part.best_score, part.best, part.best_box
    hull, other = record.hull, part.hull
    low, high = (min(hull[0], other[0]), min(hull[1], other[1])), (max(hull[2], other[2]), max(hull[3], other[3]))
    record.hull = (*low, *high)
    record.last = last[0], last[3]
    record.frames += len(part.points)
    for class_id, weight in part.labels.items():
        record.labels[class_id] = record.labels.get(class_id, 0) + weight
    record.way.add(part.points, tolerance)
    return record


def _labels(number: NDArray[np.int32], class_id: Integers, score: Integers) -> dict[int, dict[int, int]]:
    """Sum of the scores of each class_id, by the number of the track."""
    pairs, place = np.unique(number.astype(np.int64) * _CLASSES + class_id, return_inverse=True)
    weights = np.zeros(len(pairs), np.int64)
    np.add.at(weights, place, score)
    found: dict[int, dict[int, int]] = {}
    for pair, weight in zip(pairs.tolist(), weights.tolist(), strict=True):
        found.setdefault(pair // _CLASSES, {})[pair % _CLASSES] = weight
    return found

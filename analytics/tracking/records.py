"""What is known of a track: of its first, its last and its best detection, and its way."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.results.tracks import Track

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
                    low_x = max(low_x, (x - tolerance - start_x) / frames)
                    high_x = min(high_x, (x + tolerance - start_x) / frames)
                    low_y = max(low_y, (y - tolerance - start_y) / frames)
                    high_y = min(high_y, (y + tolerance - start_y) / frames)
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
    """Detections of one track in the order of frames, as columns [n] and box [n, 4]."""

    frame: NDArray[np.int64]
    time: NDArray[np.int64]
    class_id: NDArray[np.int64]
    score: NDArray[np.int64]
    box: NDArray[np.int64]


def extended(record: Record | None, part: Part, tolerance: float) -> Record:
    """The record with more detections; a new one for None."""
    frames, times = part.frame.tolist(), part.time.tolist()
    best = int(np.argmax(part.score))
    x, y = ((part.box[:, 0] + part.box[:, 2]) // 2).tolist(), part.box[:, 3].tolist()
    low, high = part.box[:, :2].min(axis=0).tolist(), part.box[:, 2:].max(axis=0).tolist()
    if record is None:
        box = _box(part.box[best])
        at, score = (frames[best], times[best]), int(part.score[best])
        record = Record((frames[0], times[0]), (0, 0), 0, score, at, box, (*low, *high), {}, Way([]))
    if part.score[best] > record.best_score:
        record.best_score = int(part.score[best])
        record.best, record.best_box = (frames[best], times[best]), _box(part.box[best])
    hull = record.hull
    record.hull = (min(hull[0], low[0]), min(hull[1], low[1]), max(hull[2], high[0]), max(hull[3], high[1]))
    record.last = (frames[-1], times[-1])
    record.frames += len(frames)
    for class_id in np.unique(part.class_id).tolist():
        weight = int(part.score[part.class_id == class_id].sum())
        record.labels[class_id] = record.labels.get(class_id, 0) + weight
    record.way.add(list(zip(frames, x, y, times, strict=True)), tolerance)
    return record


def _box(row: NDArray[Any]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = row.tolist()
    return x1, y1, x2, y2

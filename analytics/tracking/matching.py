"""Which detections of a frame continue which tracks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.association import Indices, greedy
from analytics.boxes import Floats, Integers
from analytics.tracking.motion import Moving

# A pair overlaps at least so much, or is at most so far apart in sizes: at once, by uncertainty, at all.
_OVERLAP = 0.1
_WAY, _WAY_BY_SPREAD, _MOST_WAY = 0.1, 2.5, 2.5
# How many times as wide or high as expected what does not overlap may be.
_MOST_RATIO = 2.2255
# How much a pair of different labels, and one of a low score, overlaps at least. Of one object whose label flickers,
# boxes overlap by more; a person and a cat in the middle of the picture, before and after a cut, by half.
_OTHER_OVERLAP = 0.7
_LOW_OVERLAP = 0.3
# What distance and different labels cost, where overlapping not at all costs 1.
_DISTANCE_WEIGHT = 0.3
_OTHER_COST = 0.3
# Two detections that overlap more are one object with two labels.
_TWICE_OVERLAP = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The detections of a frame that count, best score first: class_id [m], score [m] in 1/10000, place [m, 4] as in
    Moving. starting [m]: whether it may begin a track."""

    class_id: Integers
    score: Integers
    place: Floats
    starting: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.score)


def match(then: Moving, found: Found) -> tuple[Indices, Indices]:
    """Rows of tracks and of detections that belong together, each once. then: the tracks as they are expected.

    High scores choose before low ones. Detectors take a car for a truck now and then, so labels may differ where the
    place is the same: for a price, and not only where nothing else is left, else a car that was once begun as a truck
    too would be two tracks in turns. Equal costs are decided by index.
    """
    reach = np.minimum(_WAY + _WAY_BY_SPREAD * np.sqrt(then.spread[:, 0]), _MOST_WAY)
    size = np.sqrt(then.place[:, 2] * then.place[:, 3])
    near = np.maximum(then.place[:, 2:] / 2, (reach * size)[:, None])
    close = np.abs(then.place[:, None, 0] - found.place[:, 0]) <= near[:, None, 0] + found.place[:, 2] / 2
    close &= np.abs(then.place[:, None, 1] - found.place[:, 1]) <= near[:, None, 1] + found.place[:, 3] / 2
    rows, columns = np.nonzero(close)
    one, other = then.place[rows], found.place[columns]
    overlap = overlaps(one, other)
    way = one[:, :2] - other[:, :2]
    other_size = np.sqrt(other[:, 2] * other[:, 3])
    distance = np.sqrt((way[:, 0] * way[:, 0] + way[:, 1] * way[:, 1]) / (size[rows] * other_size))
    ratio = one[:, 2:] / other[:, 2:]
    alike = (np.maximum(ratio, 1 / ratio) <= _MOST_RATIO).all(axis=1)
    same = then.class_id[rows] == found.class_id[columns]
    high = found.starting[columns]
    wanted = (overlap >= _OVERLAP) | ((distance <= reach[rows]) & alike)
    wanted &= (same | (overlap >= _OTHER_OVERLAP)) & (high | (overlap >= _LOW_OVERLAP))
    cost = 1 - overlap + _DISTANCE_WEIGHT * distance + _OTHER_COST * ~same
    rows, columns = rows[wanted], columns[wanted]
    order = np.lexsort((columns, rows, cost[wanted], ~high[wanted]))
    chosen = order[greedy(rows[order], columns[order], len(then), len(found))]
    return rows[chosen], columns[chosen]


def twice(found: Found, rows: Indices) -> NDArray[np.bool_]:
    """Whether each of some detections is at the place of one with a better score and another label: the same object,
    detected twice."""
    later = np.arange(len(found)) < rows[:, None]
    other = found.class_id != found.class_id[rows][:, None]
    near, far = np.nonzero(later & other)
    hit = overlaps(found.place[rows[near]], found.place[far]) >= _TWICE_OVERLAP
    again = np.zeros(len(rows), bool)
    again[near[hit]] = True
    return again


def overlaps(one: Floats, other: Floats) -> Floats:
    """Intersection over union of boxes [p, 4] given as centre, width and height."""
    apart = np.abs(one[:, :2] - other[:, :2])
    shared = np.minimum((one[:, 2:] + other[:, 2:]) / 2 - apart, np.minimum(one[:, 2:], other[:, 2:]))
    shared = np.maximum(shared, 0)
    both = shared[:, 0] * shared[:, 1]
    union: Floats = both / (one[:, 2] * one[:, 3] + other[:, 2] * other[:, 3] - both)
    return union

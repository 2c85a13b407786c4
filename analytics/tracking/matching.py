"""Which detections of a frame continue which tracks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.association import Indices, greedy
from analytics.boxes import Floats, Integers

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

# Rows of Found's and of the tracks' features.
_CENTRE, _SIZE = slice(0, 2), slice(2, 4)
_AREA, _SCALE, _REACH = 4, 5, 6


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The detections that count, best score of each frame first: labels [2, m], class_id and score in 1/10000; features
    [6, m]: centre, width and height in 1/100 px, area and its square root. starting [m]: whether it may begin a
    track."""

    labels: Integers
    features: Floats
    starting: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starting)

    @property
    def class_id(self) -> Integers:
        column: Integers = self.labels[0]
        return column

    @property
    def place(self) -> Floats:
        """As in Moving, [4, m]."""
        places: Floats = self.features[:4]
        return places

    @classmethod
    def of(cls, class_id: Integers, score: Integers, box: NDArray[np.int32], starting: NDArray[np.bool_]) -> "Found":
        """Of columns [m]. box [m, 4]: x1, y1, x2, y2 in 1/100 px."""
        low, high = box[:, :2].T.astype(np.float64), box[:, 2:].T.astype(np.float64)
        features = np.empty((6, len(score)))
        features[_CENTRE] = (low + high) / 2
        features[_SIZE] = np.maximum(high - low, 1)
        features[_AREA] = features[2] * features[3]
        features[_SCALE] = np.sqrt(features[_AREA])
        return cls(np.stack([class_id, score]), features, starting)

    def slice(self, start: int, stop: int) -> "Found":
        """Those from place start to stop, stop excluded."""
        part = slice(start, stop)
        return Found(self.labels[:, part], self.features[:, part], self.starting[part])


def match(class_id: Integers, then: Floats, found: Found) -> tuple[Indices, Indices]:
    """Rows of tracks and of detections that belong together, each once.

    class_id [k], then [11, k]: labels of the tracks, and their values as they are expected. High scores choose before
    low ones. Detectors take a car for a truck now and then, so labels may differ where the place is the same: for a
    price, and not only where nothing else is left, else a car that was once begun as a truck too would be two tracks in
    turns. Equal costs are decided by index.
    """
    tracks = _features(then)
    rows, columns = _near(tracks, found.features)
    one, other = tracks.take(rows, axis=1), found.features.take(columns, axis=1)
    way = one[_CENTRE] - other[_CENTRE]
    overlap = _overlap(way, one[_SIZE], other[_SIZE], one[_AREA] + other[_AREA])
    way *= way
    distance = np.sqrt((way[0] + way[1]) / (one[_SCALE] * other[_SCALE]))
    ratio = one[_SIZE] / other[_SIZE]
    alike = np.maximum(ratio, 1 / ratio) <= _MOST_RATIO
    other_label = class_id.take(rows) != found.class_id.take(columns)
    low = ~found.starting.take(columns)
    least = np.where(other_label, _OTHER_OVERLAP, np.where(low, _LOW_OVERLAP, -1.0))
    wanted = (distance <= one[_REACH]) & alike[0] & alike[1]
    wanted |= overlap >= _OVERLAP
    wanted &= overlap >= least
    pairs = wanted.nonzero()[0]
    rows, columns, low = rows[pairs], columns[pairs], low[pairs]
    cost = 1 - overlap + _DISTANCE_WEIGHT * distance + _OTHER_COST * other_label
    order = np.lexsort((cost[pairs], low))  # rows, then columns rise already
    chosen = order[greedy(rows[order], columns[order])]
    return rows[chosen], columns[chosen]


def _features(then: Floats) -> Floats:
    """Of tracks as they are expected [11, k]: as those of Found, and how far each may be from its detection in its
    size; [7, k]."""
    features = np.empty((7, then.shape[1]))
    features[:4] = then[:4]
    np.multiply(then[2], then[3], out=features[_AREA])
    np.sqrt(features[_AREA], out=features[_SCALE])
    np.minimum(_WAY + _WAY_BY_SPREAD * np.sqrt(then[8]), _MOST_WAY, out=features[_REACH])
    return features


def _near(tracks: Floats, found: Floats) -> tuple[Indices, Indices]:
    """The pairs of tracks and detections that may belong together, in the order of both."""
    near = np.maximum(tracks[_SIZE] / 2, tracks[_REACH] * tracks[_SCALE])
    apart = np.abs(tracks[_CENTRE, :, None] - found[_CENTRE, None])
    close = apart <= near[:, :, None] + (found[_SIZE] / 2)[:, None]
    rows, columns = np.divmod((close[0] & close[1]).ravel().nonzero()[0], found.shape[1])
    return rows, columns


def twice(found: Found, rows: Indices) -> NDArray[np.bool_]:
    """Whether each of some detections is at the place of one with a better score and another label: the same object,
    detected twice."""
    later = np.arange(len(found)) < rows[:, None]
    other = found.class_id != found.class_id[rows][:, None]
    near, far = np.nonzero(later & other)
    again = np.zeros(len(rows), bool)
    if len(near):
        one, other_one = found.features[:, rows[near]], found.features[:, far]
        way = one[_CENTRE] - other_one[_CENTRE]
        overlap = _overlap(way, one[_SIZE], other_one[_SIZE], one[_AREA] + other_one[_AREA])
        again[near[overlap >= _TWICE_OVERLAP]] = True
    return again


def _overlap(way: Floats, one: Floats, other: Floats, areas: Floats) -> Floats:
    """Intersection over union of boxes [p]: way [2, p] between their centres, sizes [2, p] of both, sum [p] of their
    areas."""
    shared = (one + other) / 2
    shared -= np.abs(way)
    np.minimum(shared, np.minimum(one, other), out=shared)
    np.maximum(shared, 0, out=shared)
    both = shared[0] * shared[1]
    union: Floats = both / (areas - both)
    return union

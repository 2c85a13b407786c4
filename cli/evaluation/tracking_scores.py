"""HOTA (Luiten et al., 2020) and IDF1 (Ristani et al., 2016) of tracks, by boxes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Ids [n] and boxes [n, 4] of a frame.
Frame = tuple[NDArray[np.int64], Floats]

_ALPHAS = np.arange(1, 20) * 0.05
_EPSILON = np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True)
class Scores:
    """All from 0 to 1. deta, assa: the parts of HOTA."""

    hota: float
    deta: float
    assa: float
    idf1: float


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What scores are made of; those of several sequences add up. truths, found: number of boxes. same: of boxes that
    belong together when each object is one track. hits [19]: of pairs at each threshold of overlap. association [19]:
    sum over these of how well their object and their track belong together."""

    truths: int
    found: int
    same: int
    hits: Floats
    association: Floats

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.truths + other.truths,
            self.found + other.found,
            self.same + other.same,
            self.hits + other.hits,
            self.association + other.association,
        )

    @property
    def scores(self) -> Scores:
        boxes = self.truths + self.found
        detection = self.hits / np.maximum(boxes - self.hits, 1)
        association = self.association / np.maximum(self.hits, 1)
        return Scores(
            float(np.sqrt(detection * association).mean()),
            float(detection.mean()),
            float(association.mean()),
            2 * self.same / max(boxes, 1),
        )


def counted(truth: Sequence[Frame], found: Sequence[Frame]) -> Counts:
    """The counts of a sequence, frame by frame. The ids of a frame differ."""
    wanted, given = _renumbered(truth), _renumbered(found)
    similar = [overlaps(one[1], other[1]) for one, other in zip(truth, found, strict=True)]
    rows, columns = _counts(wanted), _counts(given)
    shape = (len(rows), len(columns))
    alignment, together = np.zeros(shape), np.zeros(shape)
    for one, other, overlap in zip(wanted, given, similar, strict=True):
        share = overlap.sum(axis=0) + overlap.sum(axis=1)[:, None] - overlap
        alignment[np.ix_(one, other)] += np.divide(overlap, share, where=share > _EPSILON, out=np.zeros_like(overlap))
        together[np.ix_(one, other)] += overlap >= 0.5
    alignment /= np.maximum(rows[:, None] + columns - alignment, _EPSILON)
    matched = np.zeros((len(_ALPHAS), *shape), np.int32)
    for one, other, overlap in zip(wanted, given, similar, strict=True):
        ours, theirs = assign(alignment[np.ix_(one, other)] * overlap)
        matched[:, one[ours], other[theirs]] += overlap[ours, theirs] >= _ALPHAS[:, None] - _EPSILON
    joint = [float((pairs / np.maximum(rows[:, None] + columns - pairs, 1) * pairs).sum()) for pairs in matched]
    return Counts(
        int(rows.sum()),
        int(columns.sum()),
        int(together[assign(together)].sum()),
        matched.sum(axis=(1, 2)).astype(np.float64),
        np.array(joint),
    )


def overlaps(one: Floats, other: Floats) -> Floats:
    """Intersection over union of boxes [n, 4] and [m, 4]: [n, m]."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.maximum(high - low, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1] - both
    ratio: Floats = np.divide(both, union, where=union > 0, out=np.zeros_like(both))
    return ratio


def assign(weight: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pairs with the largest sum of weights (not below 0); those of weight 0 are left out."""
    rows, columns = np.flatnonzero(weight.any(axis=1)), np.flatnonzero(weight.any(axis=0))
    inner = weight[np.ix_(rows, columns)]
    if not inner.size:
        return rows[:0], columns[:0]
    chosen = _hungarian(-inner) if inner.shape[0] <= inner.shape[1] else _hungarian(-inner.T)[::-1]
    kept = inner[chosen] > 0
    return rows[chosen[0][kept]], columns[chosen[1][kept]]


def _hungarian(cost: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Kuhn's method with potentials: for each row a column, at the least cost. There are no fewer columns."""
    count, width = cost.shape
    row_price, column_price = np.zeros(count), np.zeros(width)
    owner = np.full(width, -1)
    for start in range(count):
        least, before = np.full(width, np.inf), np.full(width, -1)
        used = np.zeros(width, bool)
        row, column = start, -1
        while True:
            reduced = cost[row] - row_price[row] - column_price
            better = ~used & (reduced < least)
            least[better], before[better] = reduced[better], column
            free = np.where(used, np.inf, least)
            nearest = int(np.argmin(free))
            step = free[nearest]
            row_price[start] += step
            row_price[owner[used]] += step
            column_price[used] -= step
            least[~used] -= step
            used[nearest], column = True, nearest
            if owner[nearest] < 0:
                break
            row = owner[nearest]
        while column >= 0:
            previous = before[column]
            owner[column] = owner[previous] if previous >= 0 else start
            column = previous
    taken = np.flatnonzero(owner >= 0)
    order = np.argsort(owner[taken])
    return owner[taken][order], taken[order]


def _renumbered(frames: Sequence[Frame]) -> list[NDArray[np.intp]]:
    """The ids of each frame as numbers from 0 on."""
    known = np.unique(np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in frames)]))
    return [np.searchsorted(known, ids) for ids, _ in frames]


def _counts(frames: Sequence[NDArray[np.intp]]) -> Floats:
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *frames])).astype(np.float64)

"""Which boxes of two frames are the same object. Pure: equal input gives equal output on every machine, since only
additions, multiplications, divisions and square roots are used, which IEEE 754 defines to the last bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.boxes import Boxes, Floats

Indices = NDArray[np.intp]

# The farthest way of an object, in its own size: in no time, for each second, and at all.
_WAY, _WAY_PER_SECOND, _MOST_WAY = 0.35, 1.6, 3.0
# How many times as wide or high as before an object may be.
_MOST_RATIO = 2.2255
_SHAPE_WEIGHT = 0.2
# Of the way itself, where velocities are known; the rest is how far it differs from theirs.
_WAY_WEIGHT = 0.3
# The least time in seconds over which a way says how fast an object is.
_LEAST_SECONDS = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The same objects in two frames: index in the one before and in the one after [k], rising in the first, and the
    distance of their centres [k] in their size."""

    before: Indices
    after: Indices
    distance: Floats

    def __len__(self) -> int:
        return len(self.before)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How fast the boxes of a frame change: [n, 4] in 1/100 px per second, NaN where unknown. arriving: since the frame
    before; leaving: until the frame after."""

    arriving: Floats
    leaving: Floats


def associate(before: Boxes, after: Boxes, seconds: float, moving: tuple[Floats, Floats] | None = None) -> Pairs:
    """Pair the boxes of two frames, each with one of the other frame at most.

    seconds: between them. moving: velocities [n, 4] and [m, 4] of the boxes of both frames on the other side of the
    gap, NaN where unknown. Labels are equal. Confident boxes choose first, then those that are near and alike; equal
    costs are decided by index, so that reversing time gives the same pairs.
    """
    rows, columns = np.nonzero(before.class_id[:, None] == after.class_id)
    if not len(rows):
        return Pairs(rows, columns, np.zeros(0))
    width, height = (after.size[columns] / before.size[rows]).T
    way = after.centre[columns] - before.centre[rows]
    scale = np.sqrt(np.sqrt(before.size.prod(axis=1)[rows] * after.size.prod(axis=1)[columns]))
    distance = _length(way) / scale
    strangeness = distance if moving is None else _strangeness(distance, way, scale, seconds, moving, rows, columns)
    gate = min(_WAY + _WAY_PER_SECOND * seconds, _MOST_WAY)
    near = (strangeness <= gate) & (_larger(width) <= _MOST_RATIO) & (_larger(height) <= _MOST_RATIO)
    rows, columns, distance = rows[near], columns[near], distance[near]
    cost = strangeness[near] / gate + _SHAPE_WEIGHT * (_apart(width[near]) + _apart(height[near]))
    unsure = (rows >= before.confident).astype(np.intp) + (columns >= after.confident)
    order = np.lexsort((np.minimum(rows, columns), np.maximum(rows, columns), cost, unsure))
    chosen = np.sort(order[greedy(rows[order], columns[order])])
    return Pairs(rows[chosen], columns[chosen], distance[chosen])


def link(frames: Sequence[Boxes], times: Sequence[int]) -> list[Pairs]:
    """The pairs of each two neighbours of some frames: first by distance, then by what the first ones say of motion.

    times: of the frames, in microseconds, rising.
    """
    seconds = [(after - before) / 1e6 for before, after in pairwise(times)]
    first = [associate(*ends, gap) for ends, gap in zip(pairwise(frames), seconds, strict=True)]
    known = motion(frames, seconds, first)
    return [
        associate(*ends, gap, (one.arriving, other.leaving))
        for ends, gap, (one, other) in zip(pairwise(frames), seconds, pairwise(known), strict=True)
    ]


def motion(frames: Sequence[Boxes], seconds: Sequence[float], pairs: Sequence[Pairs]) -> list[Motion]:
    """How fast the boxes of each frame change, by the pairs of neighbours, which are so many seconds apart."""
    known = [Motion(*(np.full((len(frame), 4), np.nan) for _ in range(2))) for frame in frames]
    for number, (gap, linked) in enumerate(zip(seconds, pairs, strict=True)):
        if gap < _LEAST_SECONDS:
            continue
        rate = (frames[number + 1].box[linked.after] - frames[number].box[linked.before]) / gap
        known[number].leaving[linked.before] = rate
        known[number + 1].arriving[linked.after] = rate
    return known


def _strangeness(
    distance: Floats,
    way: Floats,
    scale: Floats,
    seconds: float,
    moving: tuple[Floats, Floats],
    rows: Indices,
    columns: Indices,
) -> Floats:
    """Distance of pairs in their size, mostly from where their velocities lead; their own where none is known."""
    errors = []
    for velocity, index in zip(moving, (rows, columns), strict=True):
        centre = (velocity[:, :2] + velocity[:, 2:]) / 2
        errors.append(_length(way - centre[index] * seconds) / scale)
    one, other = errors
    expected = np.where(np.isnan(one), other, np.where(np.isnan(other), one, (one + other) / 2))
    mixed: Floats = np.where(np.isnan(expected), distance, _WAY_WEIGHT * distance + (1 - _WAY_WEIGHT) * expected)
    return mixed


def _length(way: Floats) -> Floats:
    length: Floats = np.sqrt(way[:, 0] * way[:, 0] + way[:, 1] * way[:, 1])
    return length


def _larger(ratio: Floats) -> Floats:
    return np.maximum(ratio, 1 / ratio)


def _apart(ratio: Floats) -> Floats:
    """About the logarithm of a ratio, without its sign and without its differences between machines."""
    larger = _larger(ratio)
    return 2 * (larger - 1) / (larger + 1)


def greedy(rows: Indices, columns: Indices) -> Indices:
    """Which of some pairs, best first, are chosen one after the other, each row and column once."""
    taken_rows, taken_columns = set[int](), set[int]()
    chosen = []
    for place, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            chosen.append(place)
    return np.array(chosen, np.intp)

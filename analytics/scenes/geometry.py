"""Points in polygons and crossings of lines, exact: whole numbers of 1/100 px, no division and no rounding.

A point counts as a hair to the right of where it is, and by a far smaller hair below it. So no point is on an edge: it
is in one of two polygons that share the edge, and a way that touches a line is on one side of it. What goes into a
polygon crosses its outline, and what crosses it goes in or out, without an exception.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Signs = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Differences of such numbers, their products and differences of these fit into 64 bits.
_FARTHEST = 2**28


def bounded(points: Integers, width: int, height: int) -> Integers:
    """Points [n, 2] in 1/100 px, moved into a frame of width x height pixels, so that what stands on its right or lower
    edge is in it."""
    most = [min(100 * width, _FARTHEST) - 1, min(100 * height, _FARTHEST) - 1]
    moved: Integers = np.maximum(np.minimum(points, most), 0)
    return moved


def inside(polygon: Integers, points: Integers) -> Flags:
    """Whether points [m, 2] are in a polygon [n, 2], [m]. Where it overlaps itself: where a way out crosses an odd
    number of edges."""
    found = np.zeros(len(points), bool)
    near = np.flatnonzero(_both((points >= polygon.min(axis=0)) & (points <= polygon.max(axis=0))))
    if len(near):
        found[near] = _odd(polygon, points[near])
    return found


def crossings(line: Integers, start: Integers, end: Integers) -> Signs:
    """How often straight ways from start [m, 2] to end [m, 2] cross a line of pieces [n, 2], [m]: from its left to its
    right as it was drawn count 1, those back -1."""
    net = np.zeros(len(start), np.int64)
    low, high = np.minimum(start, end), np.maximum(start, end)
    near = np.flatnonzero(_both((high >= line.min(axis=0)) & (low <= line.max(axis=0))))
    if len(near):
        net[near] = _net(line, start[near], end[near])
    return net


def touched(line: Integers, low: Integers, high: Integers) -> Flags:
    """Whether rectangles from low [m, 2] to high [m, 2] have a point with a line of pieces [n, 2] in common, [m]. What
    is within one that has none crosses nothing, and is on the same side everywhere."""
    found = np.zeros(len(low), bool)
    near = np.flatnonzero(_both((high >= line.min(axis=0)) & (low <= line.max(axis=0))))
    if len(near):
        (left, top), (right, bottom) = low[near].T, high[near].T
        meets = np.zeros(len(near), bool)
        for before, after in pairwise(line):
            meets |= _meets(before, after, left, top, right, bottom)
        found[near] = meets
    return found


def _both(flags: Flags) -> Flags:
    """Whether x and y of each point are as wanted, [m] of [m, 2]."""
    both: Flags = flags[:, 0] & flags[:, 1]
    return both


def _odd(polygon: Integers, points: Integers) -> Flags:
    x, y = points.T
    odd = np.zeros(len(points), bool)
    for before, after in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        beside = (before[1] > y) != (after[1] > y)
        odd ^= beside & ((_side(before, after, x, y) > 0) == (after[1] > before[1]))
    return odd


def _net(line: Integers, start: Integers, end: Integers) -> Signs:
    way = end - start
    # On which side of the way each corner of the line is, [n, m].
    corner = _sign(
        way[:, 0] * (line[:, 1:] - start[:, 1]) - way[:, 1] * (line[:, :1] - start[:, 0]), way[:, 1], -way[:, 0]
    )
    net = np.zeros(len(start), np.int64)
    for number, (before, after) in enumerate(pairwise(line)):
        first, last = _side(before, after, *start.T), _side(before, after, *end.T)
        net += (last - first) // 2 * (corner[number] != corner[number + 1])
    return net


def _meets(
    before: Integers, after: Integers, left: Integers, top: Integers, right: Integers, bottom: Integers
) -> Flags:
    """Whether the straight piece from one corner to the next has a point of rectangles."""
    x1, x2 = sorted((int(before[0]), int(after[0])))
    y1, y2 = sorted((int(before[1]), int(after[1])))
    overlap: Flags = (left <= x2) & (right >= x1) & (top <= y2) & (bottom >= y1)
    across, down = after - before
    if across and down:
        # The corners of a rectangle that are farthest to the left and to the right of the piece.
        low, high = (top, bottom) if across > 0 else (bottom, top)
        near, far = (left, right) if down < 0 else (right, left)
        overlap &= across * (low - before[1]) - down * (near - before[0]) <= 0
        overlap &= across * (high - before[1]) - down * (far - before[0]) >= 0
    return overlap


def _side(before: Integers, after: Integers, x: Integers, y: Integers) -> Signs:
    """On which side of the edge from one corner to the next points are: 1 to its right, -1 to its left."""
    across, down = after - before
    return _sign(across * (y - before[1]) - down * (x - before[0]), -down, across)


def _sign(value: Integers, hair: Integers, smaller: Integers) -> Signs:
    """The sign of a value; where it is 0, that of what a hair adds to it, then a far smaller one."""
    return np.sign(np.where(value != 0, value, np.where(hair != 0, hair, smaller)))

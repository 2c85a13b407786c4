"""Which paths are somewhere in a polygon."""

import numpy as np
from numpy.typing import NDArray

from analytics.scenes.geometry import crossings, inside
from analytics.search.paths import Integers


def touched(polygon: Integers, points: Integers, sizes: Integers) -> NDArray[np.bool_]:
    """Whether paths have a point in a polygon [c, 2], or pass through it, [n]. Points of all paths one after the other
    [p, 2], and how many each has [n]."""
    found = inside(polygon, points)
    # The way to each point, but for the first of each path.
    way = np.ones(len(points), bool)
    way[(np.cumsum(sizes) - sizes)[sizes > 0]] = False
    ends = np.flatnonzero(way)
    start, end = points[ends - 1], points[ends]
    for edge in np.stack([polygon, np.roll(polygon, -1, axis=0)], axis=1):
        found[ends] |= crossings(edge, start, end) != 0
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return np.bincount(owner[found], minlength=len(sizes)) > 0

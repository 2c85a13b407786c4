"""Tracks that are one object: one ends, and another one begins a moment later where it would be by then.

A tracker that takes an object for a new one in front of a line would otherwise lose its crossing, and one that does so
within a zone would count it twice.
"""

import numpy as np

from analytics.scenes.geometry import Integers
from contracts.results.tracks import Tracks

# The longest time between two such tracks.
GAP_SECONDS = 0.5


def stitched(tracks: Tracks, gap: int) -> Integers:
    """For each track [n] the first one of its object: a place in `tracks`, its own for most.

    gap: GAP_SECONDS in the video's time base. Two tracks are one object where they have the same label, and the second
    begins within the gap, not farther from where the first would be by then than half of their boxes' height. The
    nearest go first, each with one.
    """
    found = _pairs(tracks, gap)
    first = np.arange(len(tracks))
    ends, begins = np.ones(len(tracks), bool), np.ones(len(tracks), bool)
    heir = np.full(len(tracks), -1)
    for _, old, new in sorted(found):
        if ends[old] and begins[new]:
            ends[old] = begins[new] = False
            heir[old] = new
    for old in np.argsort(tracks.first_frame, kind="stable").tolist():
        if heir[old] >= 0:
            first[heir[old]] = first[old]
    return first


def _pairs(tracks: Tracks, gap: int) -> list[tuple[int, int, int]]:
    """Pairs of an old and a new track, with the square of their distance."""
    if not len(tracks):
        return []
    by_end = np.argsort(tracks.last_time, kind="stable")
    last_time = tracks.last_time[by_end]
    low = np.searchsorted(last_time, tracks.first_time - gap, side="left")
    high = np.searchsorted(last_time, tracks.first_time, side="left")
    starts = tracks.path_starts
    begin, end = tracks.path[starts[:-1], 1:], tracks.path[starts[1:] - 1, 1:]
    before = np.maximum(starts[1:] - 2, starts[:-1])
    step, lasted = end - tracks.path[before, 1:], tracks.last_time - tracks.path_time[before]
    height = tracks.best_box[:, 3] - tracks.best_box[:, 1]
    found = []
    for new in np.flatnonzero(low < high).tolist():
        old = by_end[low[new] : high[new]]
        old = old[tracks.class_id[old] == tracks.class_id[new]]
        missing = tracks.first_time[new] - tracks.last_time[old]
        away = begin[new] - end[old] - step[old] * missing[:, None] // np.maximum(lasted[old], 1)[:, None]
        square = (away * away).sum(axis=1)
        near = 16 * square <= (height[old] + height[new]) ** 2
        found += [(int(square[at]), int(old[at]), new) for at in np.flatnonzero(near).tolist()]
    return found

"""Tracks that are one object: one ends, and another one begins a moment later where it would be by then.

A tracker that takes an object for a new one in front of a line would otherwise lose its crossing, and one that does so
within a zone would count it twice.
"""

import numpy as np

from analytics.scenes.geometry import Integers
from contracts.results.tracks import Tracks

# The longest time between two such tracks.
GAP_SECONDS = 0.5
# So many new tracks are looked at in one go: with each come those that ended shortly before.
_AT_ONCE = 10_000


def stitched(tracks: Tracks, gap: int) -> Integers:
    """For each track [n] the first one of its object: a place in `tracks`, its own for most.

    gap: GAP_SECONDS in the video's time base. Two tracks are one object where they have the same label, and the second
    begins within the gap, not farther from where the first would be by then than half of their boxes' height. The
    nearest go first, each with one.
    """
    first = np.arange(len(tracks))
    heir: dict[int, int] = {}
    begun = set[int]()
    for old, new in zip(*_pairs(tracks, gap), strict=True):
        if old not in heir and new not in begun:
            begun.add(new)
            heir[old] = new
    for old in sorted(heir, key=lambda old: (int(tracks.first_frame[old]), old)):
        first[heir[old]] = first[old]
    return first


def _pairs(tracks: Tracks, gap: int) -> tuple[list[int], list[int]]:
    """Pairs of old and new tracks, the nearest first."""
    if not len(tracks):
        return [], []
    by_end = np.argsort(tracks.last_time, kind="stable")
    last_time = tracks.last_time[by_end]
    low = np.searchsorted(last_time, tracks.first_time - gap, side="left")
    high = np.searchsorted(last_time, tracks.first_time, side="left")
    starts = tracks.path_starts
    begin, end = tracks.path[starts[:-1], 1:], tracks.path[starts[1:] - 1, 1:]
    before = np.maximum(starts[1:] - 2, starts[:-1])
    step, lasted = end - tracks.path[before, 1:], tracks.last_time - tracks.path_time[before]
    height = tracks.best_box[:, 3] - tracks.best_box[:, 1]
    found = [np.zeros((3, 0), np.int64)]
    for part in np.array_split(np.arange(len(tracks)), len(tracks) // _AT_ONCE + 1):
        count = np.maximum(high - low, 0)[part]
        new = np.repeat(part, count)
        old = by_end[np.arange(len(new)) - np.repeat(np.cumsum(count) - count, count) + low[new]]
        same = tracks.class_id[old] == tracks.class_id[new]
        old, new = old[same], new[same]
        missing = tracks.first_time[new] - tracks.last_time[old]
        away = begin[new] - end[old] - step[old] * missing[:, None] // np.maximum(lasted[old], 1)[:, None]
        square = (away * away).sum(axis=1)
        near = 16 * square <= (height[old] + height[new]) ** 2
        found.append(np.stack([square, old, new])[:, near])
    square, old, new = np.concatenate(found, axis=1)
    order = np.lexsort((new, old, square))
    return old[order].tolist(), new[order].tolist()

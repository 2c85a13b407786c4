"""Paths of tracks in the table of tracks: whole numbers of 1/10000 of the displayed frame, packed as bytes."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# Steps of coordinates along each side of the frame.
GRID = 10_000
_POINT = np.dtype("<u2")
# What moved less than this part of the frame's height has no heading.
_STILL = 0.05


def on_grid(points: Integers, width: int, height: int) -> Integers:
    """Points [n, 2] in 1/100 px of a frame of width x height pixels on the grid, from 0 to GRID - 1: what stands on the
    right or lower edge is in the frame."""
    size = np.array([width, height], np.int64) * 100
    found: Integers = np.clip(points * GRID // size, 0, GRID - 1)
    return found


def hulls_on_grid(hulls: Integers, width: int, height: int) -> Integers:
    """Hulls [n, 4] in 1/100 px on the grid. Those of the points of `on_grid` that are in them are in them too."""
    return on_grid(hulls.reshape(-1, 2), width, height).reshape(-1, 4)


def heading(path: Integers, width: int, height: int) -> int | None:
    """The way from the first to the last point of a path [p, 2] in 1/100 px, in degrees clockwise from up, 0 to 359;
    None where it hardly moved."""
    across, down = (path[-1] - path[0]).tolist()
    if math.hypot(across, down) < _STILL * height * 100:
        return None
    return round(math.degrees(math.atan2(across, -down))) % 360


def pack(path: Integers) -> bytes:
    """A path [p, 2] on the grid as bytes: 4 a point."""
    return np.ascontiguousarray(path, _POINT).tobytes()


def unpack(packed: Sequence[bytes]) -> tuple[Integers, Integers]:
    """The points of all paths, one after the other, [p, 2], and how many each has, [n]."""
    points = np.frombuffer(b"".join(packed), _POINT).astype(np.int64).reshape(-1, 2)
    return points, np.array([len(path) // (2 * _POINT.itemsize) for path in packed], np.int64)

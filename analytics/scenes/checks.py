"""What a polygon or a line must be to mean something. Whole numbers: the check of a shape has one answer."""

from collections.abc import Sequence

import numpy as np

from analytics.scenes.geometry import Integers

# Coordinates of scenes are kept in steps of 1/1,000,000 of the frame.
GRID = 1_000_000

Points = Sequence[Sequence[int]]


def against_polygon(points: Points) -> str | None:
    """Why points on the grid are no polygon, and what to do; None where they are one. It may be concave and touch
    itself."""
    if len(points) < 3:
        return f"has {len(points)} points: a polygon needs three"
    if (twin := _same_neighbours([*points, points[0]])) is not None:
        return f"has the same point twice in a row ({_nth(twin, len(points))}): leave one out"
    corners = np.array(points, np.int64)
    if not _area(corners) and not _turns(corners):
        return "has no area, all its points are on one line: move one of them"
    if (pair := _crossing(corners)) is not None:
        edges = " and ".join(f"from {_nth(start, len(points))}" for start in pair)
        return f"crosses itself (the edges {edges}): draw it around the area without crossing, or as two zones"
    if not _area(corners):
        return "has no area, it goes back on itself: move its points apart"
    return None


def against_line(points: Points) -> str | None:
    """Why points on the grid are no line, and what to do; None where they are one."""
    if len(points) < 2:
        return f"has {len(points)} points: a line needs two"
    if (twin := _same_neighbours(points)) is not None:
        return f"has the same point twice in a row ({_nth(twin, len(points))}): leave one out"
    return None


def _nth(index: int, points: int) -> str:
    """From where on, in words."""
    return f"point {index + 1} to {(index + 1) % points + 1}"


def _same_neighbours(points: Points) -> int | None:
    for index in range(len(points) - 1):
        if list(points[index]) == list(points[index + 1]):
            return index
    return None


def _cross(first: Integers, second: Integers) -> Integers:
    product: Integers = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return product


def _area(corners: Integers) -> int:
    """Twice the area, with the sign of the direction of drawing."""
    return int(_cross(corners, np.roll(corners, -1, axis=0)).sum())


def _turns(corners: Integers) -> bool:
    """Whether not all corners are on one line."""
    return bool(_cross(corners[1] - corners[0], corners - corners[0]).any())


def _crossing(corners: Integers) -> tuple[int, int] | None:
    """Two edges that cross, by the index of their first corner: inside both, or where a corner is on the other edge and
    its neighbours are on both sides of it."""
    after = np.roll(corners, -1, axis=0)
    way = after - corners
    # [e, c]: on which side of edge e corner c is.
    side = np.sign(_cross(way[:, None], corners - corners[:, None]))
    ends = side * np.roll(side, -1, axis=1)
    across = (ends < 0) & (ends.T < 0)
    if across.any():
        first, second = np.argwhere(across)[0].tolist()
        return first, second
    along = ((corners - corners[:, None]) * way[:, None]).sum(axis=2)
    within = (side == 0) & (along > 0) & (along < (way * way).sum(axis=1)[:, None])
    through = within & (np.roll(side, 1, axis=1) * np.roll(side, -1, axis=1) < 0)
    if through.any():
        first, second = np.argwhere(through)[0].tolist()
        return first, second
    return None

"""Validation of the zones and lines of a scene."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from analytics.scenes.checks import GRID, Points, against_line, against_polygon
from contracts.errors import SceneRefused


def checked_scene(body: dict[str, Any]) -> dict[str, Any]:
    """Name, zones and lines of a scene that has passed the spec's schema, as they are stored: coordinates rounded to
    the grid, without the repeated first point of a closed polygon. Raises SceneRefused."""
    zones, lines = body.get("zones") or [], body.get("lines") or []
    if not zones and not lines:
        raise SceneRefused("the scene has neither a zone nor a line: draw one")
    twice = [name for name, count in Counter(shape["name"] for shape in (*zones, *lines)).items() if count > 1]
    if twice:
        raise SceneRefused(f"two zones or lines have the name {twice[0]!r}: events are told apart by it, change one")
    return {
        "name": body["name"],
        "zones": [_shape("zone", zone, "polygon", _opened, against_polygon) for zone in zones],
        "lines": [_shape("line", line, "points", list, against_line) for line in lines],
    }


def _shape(
    kind: str,
    shape: dict[str, Any],
    field: str,
    tidied: Callable[[Points], Points],
    reason: Callable[[Points], str | None],
) -> dict[str, Any]:
    points = tidied([[round(value * GRID) for value in point] for point in shape[field]])
    if (why := reason(points)) is not None:
        raise SceneRefused(f"the {kind} {shape['name']!r} {why}")
    return {"name": shape["name"], field: [[value / GRID for value in point] for point in points]}


def _opened(points: Sequence[Sequence[int]]) -> Points:
    """A polygon without the first point at its end, as some tools write it."""
    return points[:-1] if len(points) > 3 and list(points[0]) == list(points[-1]) else points

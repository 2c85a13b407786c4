"""Zones and lines over the picture, as in docs/scenes.md. Coordinates are 0 to 1 of the displayed frame."""

import msgspec

Point = tuple[float, float]


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A polygon that tracks enter, leave or stay in."""

    name: str
    polygon: tuple[Point, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Connected straight pieces that tracks cross `forward` (from left to right as drawn) or `backward`."""

    name: str
    points: tuple[Point, ...]


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of zones and lines, kept apart from jobs and streams."""

    id: str
    name: str
    zones: tuple[Zone, ...]
    lines: tuple[Line, ...]

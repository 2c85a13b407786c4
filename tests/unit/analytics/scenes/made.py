"""Scenes and sightings for tests."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from analytics.scenes.events import Event, SceneFold
from analytics.scenes.geometry import Integers
from analytics.scenes.levels import Rules
from analytics.scenes.scene import Line, Scene, Sightings, Zone

Point = tuple[int, int]

# Few values, so that points lie on edges and corners, and ways along them.
few = st.integers(0, 4)
point = st.tuples(few, few)


def array(points: Sequence[Point]) -> Integers:
    return np.array(points, np.int64).reshape(-1, 2)


def zone(*corners: Point, name: str = "zone") -> Zone:
    return Zone(name, array(corners))


def line(*points: Point, name: str = "line") -> Line:
    return Line(name, array(points))


def scene(*shapes: Zone | Line) -> Scene:
    zones = tuple(shape for shape in shapes if isinstance(shape, Zone))
    return Scene(zones, tuple(shape for shape in shapes if isinstance(shape, Line)))


def seen(*paths: tuple[int, int, Sequence[Point]], ticks: int = 10) -> Sightings:
    """Tracks as (id, first frame, points), seen in each frame; a frame lasts `ticks`."""
    rows = sorted((first + i, track, *at) for track, first, points in paths for i, at in enumerate(points))
    columns = np.array(rows, np.int64).reshape(-1, 4)
    return Sightings(columns[:, 0], columns[:, 0] * ticks, columns[:, 1], columns[:, 2:])


def events_of(place: Scene, rules: Rules, sightings: Sightings, cuts: Sequence[int] = ()) -> list[Event]:
    """All events, sorted. cuts: frames before which a part ends."""
    fold, done = SceneFold(place, rules), -1
    events: list[Event] = []
    for cut in [*sorted(cuts), 2**40]:
        part = (sightings.frame >= done) & (sightings.frame < cut)
        events += fold.advance(sightings.of(part))
        done = cut
    return sorted(events + fold.finish(), key=lambda event: event.order)


def told(events: Sequence[Event]) -> list[tuple[int, int, str]]:
    """Track, frame and what happened, in short."""
    return [(event.track, event.frame, event.direction or event.type) for event in events]

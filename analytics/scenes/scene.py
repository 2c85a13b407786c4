"""A scene placed in a frame, and where tracks are in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.scenes.geometry import Flags, Integers, bounded, crossings, inside, touched
from contracts.results.codec import BOX_SCALE, Block

# Where an object is: the middle of the lower edge of its box, or the middle of the box.
FOOT, CENTRE = "foot", "centre"


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """polygon [n, 2] in 1/100 px."""

    name: str
    polygon: Integers

    def levels(self, start: Integers, end: Integers) -> Integers:
        """1 for each way [m] that ends in the zone, else 0."""
        return inside(self.polygon, end).astype(np.int64)

    def touched(self, low: Integers, high: Integers) -> Flags:
        """Whether ways within rectangles from low [m, 2] to high may go in or out, [m]."""
        return touched(np.append(self.polygon, self.polygon[:1], axis=0), low, high)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """points [n, 2] in 1/100 px, in the order in which they were drawn."""

    name: str
    points: Integers

    def levels(self, start: Integers, end: Integers) -> Integers:
        """How often each way [m] crosses the line forward, less how often backward."""
        return crossings(self.points, start, end)

    def touched(self, low: Integers, high: Integers) -> Flags:
        """Whether ways within rectangles from low [m, 2] to high may cross the line, [m]."""
        return touched(self.points, low, high)


@dataclass(frozen=True, slots=True)
class Scene:
    zones: tuple[Zone, ...]
    lines: tuple[Line, ...]

    @property
    def bounds(self) -> Integers:
        """The rectangles around all zones and lines, [k, 4] as x1, y1, x2, y2."""
        shapes = [zone.polygon for zone in self.zones] + [line.points for line in self.lines]
        return np.array([[*shape.min(axis=0), *shape.max(axis=0)] for shape in shapes], np.int64).reshape(-1, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Where tracks were seen, in the order of the frames: frame [d], time [d] in the video's time base, track [d] and
    point [d, 2] in 1/100 px."""

    frame: Integers
    time: Integers
    track: Integers
    point: Integers

    def __len__(self) -> int:
        return len(self.track)

    def of(self, wanted: NDArray[np.bool_] | NDArray[np.intp]) -> "Sightings":
        """The wanted ones, by mask or by index."""
        return Sightings(self.frame[wanted], self.time[wanted], self.track[wanted], self.point[wanted])


def place(zones: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]], width: int, height: int) -> Scene:
    """The zones and lines of a stored scene, whose coordinates are 0 to 1, in a frame of width x height pixels."""
    size = np.array([width, height]) * BOX_SCALE

    def placed(points: Any) -> Integers:
        scaled: Integers = np.rint(np.array(points, np.float64) * size).astype(np.int64)
        return scaled

    return Scene(
        tuple(Zone(zone["name"], placed(zone["polygon"])) for zone in zones),
        tuple(Line(line["name"], placed(line["points"])) for line in lines),
    )


def sightings(block: Block, ids: NDArray[np.int32], anchor: str, width: int, height: int) -> Sightings:
    """Where the objects of a block were that have a track. ids [d]: their tracks, 0 for none. anchor: FOOT or CENTRE.
    width, height: of the frame in pixels."""
    return _seen(block, ids, np.flatnonzero(ids), anchor, width, height)


def sightings_by_track(block: Block, ids: NDArray[np.int32], anchor: str, width: int, height: int) -> Sightings:
    """The same, by track, those of a track in the order of frames."""
    order = by_track(ids)
    return _seen(block, ids, order[len(ids) - np.count_nonzero(ids) :], anchor, width, height)


def by_track(track: NDArray[np.integer]) -> NDArray[np.intp]:
    """The places of tracks [d] in their order. Small numbers are sorted several times as fast."""
    least = track.min(initial=0)
    small = track.max(initial=0) - least < 2**16
    return np.argsort((track - least).astype(np.uint16) if small else track, kind="stable")


def _seen(
    block: Block, ids: NDArray[np.int32], places: NDArray[np.intp], anchor: str, width: int, height: int
) -> Sightings:
    box = block.box.take(places, 0).astype(np.int64)
    x = (box[:, 0] + box[:, 2]) // 2
    y = box[:, 3] if anchor == FOOT else (box[:, 1] + box[:, 3]) // 2
    frame = np.repeat(np.arange(len(block)), block.count).take(places)
    return Sightings(
        block.frame.take(frame),
        block.time.take(frame),
        ids.take(places).astype(np.int64),
        bounded(np.column_stack([x, y]), width, height),
    )

"""The events of many tracks at once, as columns: what `SceneFold` says track by track, in arrays over all sightings,
zones and lines. For a job that has ended, which has millions of them."""

import numpy as np
from numpy.typing import NDArray

from analytics.scenes.columns import KINDS, EventColumns, joined
from analytics.scenes.events import EventType, running
from analytics.scenes.geometry import Integers
from analytics.scenes.levels import Rules
from analytics.scenes.scene import Line, Scene, Sightings, Zone
from analytics.scenes.settling import LEVEL, NOTHING, Runs, Settling

_DISAPPEARS = KINDS.index(EventType.DISAPPEARS)
# So many points in a row are looked at by the rectangle around them; a power of 2.
_ROW = 8


class BulkFold:
    """Turns sightings into columns of events, those of `SceneFold`. Keeps a few numbers for each track that has not
    ended."""

    def __init__(self, scene: Scene, rules: Rules) -> None:
        self._targets: tuple[Zone | Line, ...] = (*scene.zones, *scene.lines)
        self._zones = len(scene.zones)
        self._rules = rules
        # Of each track [k], rising: when and where it was seen last, and its levels [k, targets].
        self._track, self._frame, self._time = (np.zeros(0, np.int64) for _ in range(3))
        self._point = np.zeros((0, 2), np.int64)
        self._levels = np.zeros((0, len(self._targets)), LEVEL)

    def advance(self, seen: Sightings) -> EventColumns:
        """The events that the next frames settle, in no order. seen: by track, those of a track in the order of
        frames."""
        if not len(seen) or not self._targets:
            return joined(())
        first = np.flatnonzero(np.diff(seen.track, prepend=seen.track[0] - 1))
        rows = self._rows(seen, first)
        runs = self._runs(_Ways(seen, first, self._point[rows], self._anew(seen, first, rows)), rows)
        at = np.searchsorted(self._track, runs.track), runs.target
        settling = Settling(runs, self._levels[at], seen, self._rules)
        last, levels = settling.after()
        self._levels[at[0][last], at[1][last]] = levels
        ends = np.append(first[1:], len(seen)) - 1
        self._point[rows], self._frame[rows], self._time[rows] = seen.point[ends], seen.frame[ends], seen.time[ends]
        return joined([settling.changes(), settling.dwells()])

    def end(self, tracks: Integers) -> EventColumns:
        """The events of the ends of tracks, which will not be seen again."""
        ended = np.isin(self._track, tracks)
        rows, target = np.nonzero(ended[:, None] & (self._levels["held"][:, : self._zones] == 1))
        ticks = self._time[rows] - self._levels["since"][rows, target]
        kind, times = np.full(len(rows), _DISAPPEARS), np.zeros(len(rows), np.int64)
        found = EventColumns(self._frame[rows], self._time[rows], target, self._track[rows], kind, times, ticks)
        self._keep(np.flatnonzero(~ended))
        return found

    def finish(self) -> EventColumns:
        """The events of the end of all tracks."""
        return self.end(self._track)

    def _rows(self, seen: Sightings, first: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where the tracks are kept that begin at `first` [k]; new ones are added."""
        new = first[~np.isin(seen.track[first], self._track)]
        levels = np.zeros((len(new), len(self._targets)), LEVEL)
        levels["held"] = NOTHING
        self._track = np.append(self._track, seen.track[new])
        self._frame, self._time = np.append(self._frame, seen.frame[new]), np.append(self._time, seen.time[new])
        self._point, self._levels = np.append(self._point, seen.point[new], 0), np.append(self._levels, levels, 0)
        self._keep(np.argsort(self._track))
        return np.searchsorted(self._track, seen.track[first])

    def _keep(self, rows: NDArray[np.intp]) -> None:
        self._track, self._frame, self._time = self._track[rows], self._frame[rows], self._time[rows]
        self._point, self._levels = self._point[rows], self._levels[rows]

    def _anew(self, seen: Sightings, first: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The sightings of tracks that were not seen for too long before."""
        if self._rules.gap is None:
            return np.zeros(0, np.intp)
        since = np.diff(seen.time, prepend=0)
        since[first] = seen.time[first] - self._time[rows]
        return np.flatnonzero(since > self._rules.gap)

    def _runs(self, ways: "_Ways", rows: NDArray[np.intp]) -> Runs:
        """The sightings cut where the track or the level changes, and where they begin anew, for each target."""
        parts = []
        for target, shape in enumerate(self._targets):
            places = ways.near(shape)
            start, number = ways.starts(places)
            level = shape.levels(start, ways.point.take(places, 0))
            head = np.flatnonzero(np.diff(number, prepend=-1))
            if target >= self._zones:
                level = running(level, head, self._levels["seen"][rows, target])
            cut = (np.diff(level, prepend=0) != 0) | ways.anew[places]
            cut[head] = True
            begin = places[cut]
            end = np.append(begin[1:], len(ways.point))
            parts.append((np.full(len(begin), target), number[cut], level[cut], begin, end))
        targets, number, level, begin, end = map(np.concatenate, zip(*parts, strict=True))
        return Runs(targets, targets < self._zones, self._track[rows[number]], level, ways.anew[begin], begin, end)


class _Ways:
    """The ways of tracks from where each was seen before to where it is seen: those of which any may have come into a
    zone or crossed a line are found by rectangles around several.

    first [k]: where tracks begin. before [k, 2]: where they were seen before. anew: places where a track was not seen
    for too long.
    """

    def __init__(self, seen: Sightings, first: NDArray[np.intp], before: Integers, anew: NDArray[np.intp]) -> None:
        self.point = seen.point
        self._first, self._before = first, before
        self.anew, self._wanted = np.zeros(len(seen), bool), np.zeros(-(-len(seen) // _ROW), bool)
        self.anew[anew] = True
        # A row in which a track begins is looked at point by point: it is of several tracks.
        self._wanted[first // _ROW] = True
        self._wanted[anew // _ROW] = True
        low = [_of_rows(np.minimum, seen.point[:, axis]) for axis in range(2)]
        high = [_of_rows(np.maximum, seen.point[:, axis]) for axis in range(2)]
        self._low, self._high = np.stack(low, 1), np.stack(high, 1)

    def near(self, shape: Zone | Line) -> NDArray[np.intp]:
        """The places of ways at whose ends the level may be another one, with the first way of each track, and those
        after too long a time."""
        wanted = self._wanted | shape.touched(self._low, self._high)
        return np.flatnonzero(np.repeat(wanted, _ROW)[: len(self.point)])

    def starts(self, places: NDArray[np.intp]) -> tuple[Integers, NDArray[np.intp]]:
        """Where the ways at places begin, [m, 2], and the number of the track of each, [m]."""
        start = self.point.take(places - 1, 0)
        number = np.searchsorted(self._first, places, side="right") - 1
        head = self._first[number] == places
        start[head] = self._before[number[head]]
        return start, number


def _of_rows(least: np.ufunc, values: Integers) -> Integers:
    """The least or the largest of values [d] in each row of _ROW, and the last one before it."""
    padded = np.empty(-(-len(values) // _ROW) * _ROW, np.int64)
    padded[: len(values)], padded[len(values) :] = values, values[-1]
    found, before = padded, padded[_ROW - 1 : -1 : _ROW]
    while len(found) > len(padded) // _ROW:
        found = least(found[::2], found[1::2])
    found[1:] = least(found[1:], before)
    return found

"""Events: what tracks do at the zones and lines of a scene. A fold: frames go in piece by piece, events come out, and
what is kept in between can be stored; the events are the same however the frames were cut."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.scenes.geometry import Flags, Integers
from analytics.scenes.levels import Change, Level, Moment, Rules, Run
from analytics.scenes.scene import Line, Scene, Sightings, Zone, by_track


class EventType(StrEnum):
    ENTERS = "enters"
    APPEARS = "appears"
    DWELLS = "dwells"
    LEAVES = "leaves"
    DISAPPEARS = "disappears"
    CROSSES = "crosses"


_RANK = {kind: rank for rank, kind in enumerate(EventType)}


class Direction(StrEnum):
    """How a line is crossed: forward is from its left to its right, as it was drawn."""

    FORWARD = "forward"
    BACKWARD = "backward"


class Event(msgspec.Struct, frozen=True, gc=False):
    """What a track did at a zone or line, in the first frame that shows it. target: index among the scene's zones, then
    its lines. ticks: how long it has been in the zone, in the video's time base, where it was; else None."""

    frame: int
    time: int
    target: int
    track: int
    type: EventType
    direction: Direction | None = None
    ticks: int | None = None

    @property
    def order(self) -> tuple[int, int, int, int]:
        """Events are listed by frame; those of a frame in the order of zones and lines, then of tracks."""
        return self.frame, self.target, self.track, _RANK[self.type]


class _Track(msgspec.Struct):
    """Where and when a track was last seen, and its levels at all zones and lines."""

    point: tuple[int, int]
    last: Moment
    levels: list[Level]


class SceneFold:
    """Turns sightings into events. Keeps a few numbers for each track that has not ended, no frames."""

    def __init__(self, scene: Scene, rules: Rules) -> None:
        self._targets: tuple[Zone | Line, ...] = (*scene.zones, *scene.lines)
        self._zones = len(scene.zones)
        self._rules = rules
        self._tracks: dict[int, _Track] = {}

    def advance(self, seen: Sightings) -> Iterator[Event]:
        """The events that the next frames settle, in no order, one by one: take all before the next call. Some may lie
        in earlier frames: what happens counts once it has lasted."""
        if not len(seen):
            return
        seen = seen.of(by_track(seen.track))
        first = np.flatnonzero(np.diff(seen.track, prepend=seen.track[0] - 1))
        last = np.append(first[1:], len(seen))
        tracks = [
            self._track(track, seen, at) for track, at in zip(seen.track[first].tolist(), first.tolist(), strict=True)
        ]
        start = np.roll(seen.point, 1, axis=0)
        start[first] = [track.point for track in tracks]
        before = np.roll(seen.time, 1)
        before[first] = [track.last.time for track in tracks]
        anew = np.zeros(len(seen), bool) if self._rules.gap is None else seen.time - before > self._rules.gap
        for target, shape in enumerate(self._targets):
            level = shape.levels(start, seen.point)
            if target >= self._zones:
                level = running(level, first, np.array([track.levels[target].seen for track in tracks]))
            for number, run in _runs(seen, level, anew, first):
                yield from self._see(target, int(seen.track[first[number]]), tracks[number].levels[target], run)
        for track, at in zip(tracks, (last - 1).tolist(), strict=True):
            x, y = seen.point[at].tolist()
            track.point, track.last = (x, y), Moment(int(seen.frame[at]), int(seen.time[at]))

    def open_since(self) -> int | None:
        """The least time at which later events may lie, of tracks that have not ended; None without any."""
        times = [
            min([known.last.time, *(level.seen_since.time for level in known.levels if level.held != level.seen)])
            for known in self._tracks.values()
        ]
        return min(times, default=None)

    def end(self, tracks: Iterable[int]) -> list[Event]:
        """The events of the ends of tracks, which will not be seen again."""
        events = []
        for track in tracks:
            known = self._tracks.pop(track, None)
            for target, level in enumerate(known.levels[: self._zones] if known else ()):
                if known and level.held:
                    ticks = known.last.time - level.since.time
                    gone = EventType.DISAPPEARS
                    events.append(Event(known.last.frame, known.last.time, target, track, gone, ticks=ticks))
        return events

    def finish(self) -> list[Event]:
        """The events of the end of all tracks."""
        return self.end(list(self._tracks))

    def _track(self, track: int, seen: Sightings, at: int) -> _Track:
        if track not in self._tracks:
            x, y = seen.point[at].tolist()
            moment = Moment(int(seen.frame[at]), int(seen.time[at]))
            self._tracks[track] = _Track((x, y), moment, [Level() for _ in self._targets])
        return self._tracks[track]

    def _see(self, target: int, track: int, level: Level, run: Run) -> Iterator[Event]:
        change = level.see(run, self._rules)
        if target >= self._zones:
            yield from () if change is None else _crosses(change, target, track)
            return
        if change is not None:
            yield from _moves(change, target, track)
        moment = level.dwell(run, self._rules, change is not None)
        if moment is not None:
            ticks = moment.time - level.since.time
            yield Event(moment.frame, moment.time, target, track, EventType.DWELLS, ticks=ticks)


def _moves(change: Change, target: int, track: int) -> Iterator[Event]:
    """The event of a new level at a zone; none where a track begins outside."""
    frame, time = change.since.frame, change.since.time
    if change.level:
        kind = EventType.APPEARS if change.before is None else EventType.ENTERS
        yield Event(frame, time, target, track, kind)
    elif change.before is not None:
        yield Event(frame, time, target, track, EventType.LEAVES, ticks=time - change.before[1].time)


def _crosses(change: Change, target: int, track: int) -> Iterator[Event]:
    """An event for each time that a line was crossed and not crossed back."""
    if change.before is None:
        return
    times = change.level - change.before[0]
    direction = Direction.FORWARD if times > 0 else Direction.BACKWARD
    for _ in range(abs(times)):
        yield Event(change.since.frame, change.since.time, target, track, EventType.CROSSES, direction)


def running(steps: Integers, first: NDArray[np.intp], before: Integers) -> Integers:
    """The level after each step [d], where tracks begin at `first` [k] with the levels that they had before."""
    total = np.cumsum(steps)
    offset = before - (total[first] - steps[first])
    level: Integers = total + np.repeat(offset, np.diff(first, append=len(steps)))
    return level


def _runs(seen: Sightings, level: Integers, anew: Flags, first: Integers) -> Iterator[tuple[int, Run]]:
    """The sightings cut where the track or the level changes, and where they begin anew: the number of the track, and
    its frames."""
    changed = anew.copy()
    changed[1:] |= np.diff(level) != 0
    cuts = np.union1d(first, np.flatnonzero(changed))
    number = (np.searchsorted(first, cuts, side="right") - 1).tolist()
    ends = np.append(cuts[1:], len(level)).tolist()
    for track, start, stop in zip(number, cuts.tolist(), ends, strict=True):
        yield track, Run(int(level[start]), bool(anew[start]), seen.frame[start:stop], seen.time[start:stop])

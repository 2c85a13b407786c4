"""What runs of frames make of the levels of many tracks at zones and lines at once: `Level` in arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.scenes.columns import KINDS, NO_TICKS, EventColumns
from analytics.scenes.events import EventType
from analytics.scenes.geometry import Flags, Integers
from analytics.scenes.levels import Rules
from analytics.scenes.scene import Sightings

# A track at a zone or line, as Level. held: NOTHING for none. since: time. dwelt: 0 or 1.
LEVEL = np.dtype([(name, np.int64) for name in ("held", "since", "seen", "seen_frame", "seen_time", "frames", "dwelt")])
NOTHING = np.iinfo(np.int64).min
_APPEARS, _ENTERS, _LEAVES, _DWELLS, _CROSSES = map(
    KINDS.index, (EventType.APPEARS, EventType.ENTERS, EventType.LEAVES, EventType.DWELLS, EventType.CROSSES)
)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Frames in a row in which a track was seen on one level, [r], by target, track and time: each as Run. zone:
    whether the target is one. start, stop: places of the sightings."""

    target: Integers
    zone: Flags
    track: Integers
    level: Integers
    anew: Flags
    start: Integers
    stop: Integers


class Settling:
    """Levels [r] on their way through the runs of a target and track. levels: before the first of these runs, the same
    for all of them."""

    def __init__(self, runs: Runs, levels: NDArray[np.void], seen: Sightings, rules: Rules) -> None:
        self._runs, self._before, self._seen, self._rules = runs, levels, seen, rules
        head = (np.diff(runs.track, prepend=-1) != 0) | (np.diff(runs.target, prepend=-1) != 0)
        self._begin = np.maximum.accumulate(np.where(head, np.arange(len(head)), 0))
        goes_on = head & ~runs.anew & (levels["frames"] > 0) & (runs.level == levels["seen"])
        self._since_frame = np.where(goes_on, levels["seen_frame"], seen.frame[runs.start])
        self._since = np.where(goes_on, levels["seen_time"], seen.time[runs.start])
        self._frames = np.where(goes_on, levels["frames"], 0) + runs.stop - runs.start
        self._last = seen.time[runs.stop - 1]
        holds = self._frames >= rules.linger
        if rules.lasts is not None:
            holds |= self._last - self._since >= rules.lasts
        self._held_before = _valued(self._latest(holds, before=True), runs.level, levels["held"])
        self._changed = holds & (self._held_before != runs.level)
        # With which run the level came to be held that is held after each.
        self._stay = self._latest(self._changed)
        self._held = _valued(self._stay, runs.level, levels["held"])
        self._held_since = _valued(self._stay, self._since, levels["since"])
        self._dwelling = self._dwelling_runs()

    def changes(self) -> EventColumns:
        """Who entered, appeared, left and crossed."""
        runs, none = self._runs, self._held_before == NOTHING
        begins_outside = runs.zone & (runs.level == 0)
        told = np.flatnonzero(self._changed & ~(none & (begins_outside | ~runs.zone)))
        level, zone = runs.level[told], runs.zone[told]
        inside = np.where(none[told], _APPEARS, _ENTERS)
        kind = np.where(zone, np.where(level == 1, inside, _LEAVES), _CROSSES)
        begun = _valued(self._latest(self._changed, before=True), self._since, self._before["since"])
        ticks = np.where(kind == _LEAVES, self._since[told] - begun[told], NO_TICKS)
        times = np.where(zone, 0, level - self._held_before[told])
        return self._events(told, self._since_frame[told], self._since[told], kind, times, ticks)

    def dwells(self) -> EventColumns:
        """Who has been in a zone long enough, at the first frame that shows it."""
        runs, rules, at = self._runs, self._rules, self._dwelling
        start, stop = runs.start[at], runs.stop[at]
        settled = rules.linger - 1 - (self._frames - runs.stop + runs.start)[at]
        if rules.lasts is not None:
            lasted = _first(self._seen.time, start, stop, self._since[at] + rules.lasts)
            settled = np.minimum(settled, lasted - start)
        settled = np.where(self._changed[at], np.maximum(settled, 0), 0)
        since = self._held_since[at]
        long = _first(self._seen.time, start, stop, since + (rules.dwell or 0))
        place = np.maximum(start + settled, long)
        time = self._seen.time[place]
        return self._events(
            at, self._seen.frame[place], time, np.full(len(at), _DWELLS), np.zeros_like(at), time - since
        )

    def after(self) -> tuple[NDArray[np.intp], NDArray[np.void]]:
        """The last run of each target and track, [k], and the levels then."""
        last = np.flatnonzero(np.diff(self._begin, append=len(self._begin)))
        dwelling = np.zeros(len(self._begin), bool)
        dwelling[self._dwelling] = True
        of_stay = self._latest(dwelling) >= np.maximum(self._stay, self._begin)
        levels = np.empty(len(last), LEVEL)
        levels["held"], levels["since"] = self._held[last], self._held_since[last]
        levels["seen"], levels["frames"] = self._runs.level[last], self._frames[last]
        levels["seen_frame"], levels["seen_time"] = self._since_frame[last], self._since[last]
        levels["dwelt"] = (of_stay | (self._stay < 0) & (self._before["dwelt"] == 1))[last]
        return last, levels

    def _latest(self, flags: Flags, *, before: bool = False) -> Integers:
        """The latest flagged run of the same target and track up to each, or before it; -1 for none."""
        latest = np.maximum.accumulate(np.where(flags, np.arange(len(flags)), -1))
        if before:
            latest = np.append(-1, latest[:-1])
        return np.where(latest >= self._begin, latest, -1)

    def _dwelling_runs(self) -> NDArray[np.intp]:
        """The first run of each stay in a zone that makes it long enough."""
        if self._rules.dwell is None:
            return np.zeros(0, np.intp)
        inside = self._runs.zone & (self._runs.level == 1) & (self._held == 1)
        told = (self._stay < 0) & (self._before["dwelt"] == 1)
        long = np.flatnonzero(inside & ~told & (self._last >= self._held_since + self._rules.dwell))
        stay = np.maximum(self._stay, self._begin)[long]
        first: NDArray[np.intp] = long[np.diff(stay, prepend=-1) != 0]
        return first

    def _events(
        self,
        runs: NDArray[np.intp],
        frame: Integers,
        time: Integers,
        kind: Integers,
        times: Integers,
        ticks: Integers,
    ) -> EventColumns:
        return EventColumns(frame, time, self._runs.target[runs], self._runs.track[runs], kind, times, ticks)


def _valued(place: Integers, values: Integers, otherwise: Integers) -> Integers:
    """The values at places [r]; otherwise where the place is -1."""
    return np.where(place >= 0, values[place], otherwise)


def _first(times: Integers, start: Integers, stop: Integers, least: Integers) -> Integers:
    """The first place from start to stop [n] whose time is `least` [n] or later, or stop: times rise in between."""
    low, high = start.copy(), stop.copy()
    while (going := low < high).any():
        middle = (low + high) // 2
        early = going & (times[np.minimum(middle, len(times) - 1)] < least)
        high = np.where(going & ~early, middle, high)
        low = np.where(early, middle + 1, low)
    return low

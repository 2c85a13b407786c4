"""What is held for true about a track and a zone or a line, against flicker."""

from dataclasses import dataclass

import msgspec

from analytics.scenes.geometry import Integers

# What is shorter than this is flicker, unless the question says otherwise.
LINGER_SECONDS = 0.1
_LIVE_LINGER = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """When something counts. Times are in the video's time base.

    linger: in how many frames in a row a track must be seen on one side. dwell: time in a zone from which on it is
    reported; None for never. gap: the longest time between two frames in a row; None for any. lasts: for how long a
    track must be seen on one side in fewer frames, at least two; None for no such time.
    """

    linger: int
    dwell: int | None = None
    gap: int | None = None
    lasts: int | None = None

    def holds(self, frames: int, time: int) -> bool:
        """Whether so many frames in a row, which took so long, are enough."""
        return frames >= self.linger or (self.lasts is not None and time >= self.lasts)


def live_rules(time_base: tuple[int, int], linger: int | None = None, dwell: float | None = None) -> Rules:
    """The rules for a stream, whose frames are as far apart as it happens: while the tracker follows an object, its
    frames are in a row. linger: in frames, by default 3, or fewer that last for 0.1 s. dwell: in seconds."""
    lasts = ticks(LINGER_SECONDS, time_base) if linger is None else None
    return Rules(linger or _LIVE_LINGER, None if dwell is None else ticks(dwell, time_base), None, lasts)


def ticks(seconds: float, time_base: tuple[int, int]) -> int:
    """A time in a time base, rounded up; to the millisecond."""
    return -(-round(1000 * seconds) * time_base[1] // (1000 * time_base[0]))


class Moment(msgspec.Struct, frozen=True):
    """A frame and its time in the video's time base."""

    frame: int
    time: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Frames in a row in which a track was seen on one level: frame [n] and time [n]. anew: whether it was not seen for
    too long before."""

    level: int
    anew: bool
    frame: Integers
    time: Integers

    def at(self, index: int) -> Moment:
        return Moment(int(self.frame[index]), int(self.time[index]))


@dataclass(frozen=True, slots=True)
class Change:
    """A level that is held from now on. before: the one before and since when it was held, None for the first."""

    level: int
    since: Moment
    before: tuple[int, Moment] | None


class Level(msgspec.Struct):
    """The level of a track at a zone (1 inside, 0 outside) or a line (crossings forward less those backward).

    A level is held once the track was seen on it in enough frames in a row; what is shorter is flicker and changes
    nothing. seen: the level of the last frames, since when, and in how many.
    """

    held: int | None = None
    since: Moment = Moment(0, 0)
    seen: int = 0
    seen_since: Moment = Moment(0, 0)
    frames: int = 0
    dwelt: bool = False

    def see(self, run: Run, rules: Rules) -> Change | None:
        """Add frames; equal runs may be cut anywhere. Returns the level that is held now, where it is a new one."""
        if self.frames == 0 or run.anew or run.level != self.seen:
            self.seen, self.seen_since, self.frames = run.level, run.at(0), 0
        self.frames += len(run.frame)
        if self.held == run.level or not rules.holds(self.frames, int(run.time[-1]) - self.seen_since.time):
            return None
        before = None if self.held is None else (self.held, self.since)
        self.held, self.since, self.dwelt = run.level, self.seen_since, False
        return Change(run.level, self.since, before)

    def dwell(self, run: Run, rules: Rules, changed: bool) -> Moment | None:
        """The first of the frames just seen that makes the time in a zone long enough. changed: whether it is in these
        frames that the level came to be held."""
        if rules.dwell is None or self.dwelt or self.held != 1 or run.level != 1:
            return None
        first = rules.linger - (self.frames - len(run.frame)) - 1 if changed else 0
        if changed and rules.lasts is not None:
            first = min(first, int(run.time.searchsorted(self.seen_since.time + rules.lasts)))
        found = max(0, first, int(run.time.searchsorted(self.since.time + rules.dwell)))
        if found >= len(run.frame):
            return None
        self.dwelt = True
        return run.at(found)

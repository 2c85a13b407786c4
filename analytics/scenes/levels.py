"""What is held for true about a track and a zone or a line, against flicker."""

from dataclasses import dataclass

import msgspec

from analytics.scenes.geometry import Integers


@dataclass(frozen=True, slots=True)
class Rules:
    """When something counts. Times are in the video's time base.

    linger: in how many frames in a row a track must be seen on one side. dwell: time in a zone from which on it is
    reported; None for never. gap: the longest time between two frames in a row; None for any.
    """

    linger: int
    dwell: int | None = None
    gap: int | None = None


class Moment(msgspec.Struct, frozen=True, array_like=True):
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


class Level(msgspec.Struct, array_like=True):
    """The level of a track at a zone (1 inside, 0 outside) or a line (crossings forward less those backward).

    A level is held once the track was seen on it in `linger` frames in a row; what is shorter is flicker and changes
    nothing. seen: the level of the last frames, since when, and in how many.
    """

    held: int | None = None
    since: Moment = Moment(0, 0)
    seen: int = 0
    seen_since: Moment = Moment(0, 0)
    frames: int = 0
    dwelt: bool = False

    def see(self, run: Run, linger: int) -> Change | None:
        """Add frames; equal runs may be cut anywhere. Returns the level that is held now, where it is a new one."""
        if self.frames == 0 or run.anew or run.level != self.seen:
            self.seen, self.seen_since, self.frames = run.level, run.at(0), 0
        self.frames += len(run.frame)
        if self.frames < linger or self.held == run.level:
            return None
        before = None if self.held is None else (self.held, self.since)
        self.held, self.since, self.dwelt = run.level, self.seen_since, False
        return Change(run.level, self.since, before)

    def dwell(self, run: Run, rules: Rules, changed: bool) -> Moment | None:
        """The first of the frames just seen that makes the time in a zone long enough. changed: whether it is in these
        frames that the level came to be held."""
        if rules.dwell is None or self.dwelt or self.held != 1 or run.level != 1:
            return None
        first = max(0, rules.linger - (self.frames - len(run.frame)) - 1) if changed else 0
        found = max(first, int(run.time.searchsorted(self.since.time + rules.dwell)))
        if found >= len(run.frame):
            return None
        self.dwelt = True
        return run.at(found)

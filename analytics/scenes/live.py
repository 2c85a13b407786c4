"""The events of a stream at a scene, as they happen: the fold of recorded events over results as they come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.scenes.events import Event, EventType, SceneFold
from analytics.scenes.levels import Rules, ticks
from analytics.scenes.scene import place, sightings
from analytics.tracking.gaps import lost_after, usual_gap
from contracts.live.results import LiveFrame, block
from contracts.results.codec import Block
from contracts.results.tracks import TrackerParameters

_TRACKER = TrackerParameters()


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, with the label and the best score (1/10000) of its track so far. plan: LiveFrame.plan of the track, by
    whose model the class has its label. ongoing: whether it is of a stay that had begun before the fold."""

    event: Event
    class_id: int
    score: int
    plan: int = 0
    ongoing: bool = False

    @property
    def order(self) -> tuple[int, int, int, int]:
        """Events of a stream are in the order of their times: its frames are numbered as they were decoded."""
        return (self.event.time, *self.event.order[1:])


@dataclass(frozen=True, slots=True)
class Present:
    """A track so far, with the times at which it was seen first and last, its label and its best score (1/10000). plan:
    LiveFrame.plan, by whose model the class has its label."""

    track: int
    first: int
    last: int
    class_id: int
    score: int
    plan: int


@dataclass(slots=True)
class _Seen:
    """A track so far: its first and last time, frames, sums of the scores of each class, and best score. known: whether
    it was there before the fold began. plan: of its first frame; a track has one model. held: its events, as long as it
    may be none."""

    first: int
    last: int
    known: bool
    plan: int
    frames: int = 0
    best: int = 0
    labels: dict[int, int] = field(default_factory=dict)
    held: list[Event] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        return self.frames >= _TRACKER.min_frames

    @property
    def class_id(self) -> int:
        return min(self.labels, key=lambda one: (-self.labels[one], one))

    def happened(self, event: Event) -> Happened:
        dwells = self.known and event.type is EventType.DWELLS
        ongoing = dwells and event.time - (event.ticks or 0) <= self.first
        return Happened(event, self.class_id, self.best, self.plan, ongoing)

    def present(self, track: int) -> Present:
        return Present(track, self.first, self.last, self.class_id, self.best, self.plan)


class LiveScene:
    """Turns the results of a stream into events. Keeps a few numbers of each track that has not ended.

    A track counts from its third frame on; what it did before is told then. Those that were there when this began
    appear nowhere. last: the time of the newest frame, -1 without any. runs: how often the stream was started anew.
    """

    def __init__(
        self,
        zones: Sequence[Mapping[str, Any]],
        lines: Sequence[Mapping[str, Any]],
        rules: Rules,
        anchor: str,
        time_base: tuple[int, int],
    ) -> None:
        """zones, lines: of the stored scene."""
        self._zones, self._lines, self._rules, self._anchor = zones, lines, rules, anchor
        self._lost = ticks(_TRACKER.lost_seconds, time_base)
        self._fold: SceneFold | None = None
        self._size = (0, 0)
        self._tracks: dict[int, _Seen] = {}
        self._highest = 0  # of the numbers of all tracks so far
        self._interval = 0  # as in the tracker
        self.last = -1
        self.runs = 0
        self._gone: list[Present] = []

    @property
    def present(self) -> list[Present]:
        """The tracks that count, with those that have ended since `take` was called last."""
        return self._gone + [seen.present(track) for track, seen in self._tracks.items() if seen.counts]

    def take(self, frames: Sequence[LiveFrame]) -> list[Happened]:
        """The events that are known with the next results, in order. Where times fall, the stream was started anew:
        what was before is forgotten."""
        found: list[Happened] = []
        self._gone.clear()
        for (size, plan), some in groupby(frames, key=lambda frame: ((frame.width, frame.height), frame.plan)):
            for part in runs(list(some)):
                if part[0].pts <= self.last:
                    self._forget()
                    found = []
                if self.last < 0:  # who is not seen in this frame may come back in a later one
                    self._highest = max(self._highest, part[0].numbers)
                numbers, times = [frame.number for frame in part], [frame.pts for frame in part]
                found += self.advance(block(part, numbers, times), size, plan)
        return found

    @property
    def settled(self) -> int:
        """All events before this time are known."""
        open_times = [seen.first for seen in self._tracks.values() if not seen.counts]
        since = self._fold.open_since() if self._fold else None
        return min([self.last, *open_times, *([] if since is None else [since])])

    def advance(self, part: Block, size: tuple[int, int], plan: int) -> list[Happened]:
        """The events that are known with the next frames, in order. part: with tracks, times rising. size: width and
        height of all its frames in pixels. plan: LiveFrame.plan of all."""
        if not len(part):
            return []
        found: list[Happened] = []
        if self._fold is None or size != self._size:
            found = self._end(list(self._tracks))
            scene = place(self._zones, self._lines, *size)
            self._fold, self._size, self._interval = SceneFold(scene, self._rules), size, 0
        self._note(part, plan)
        events: list[Event] = list(self._fold.advance(sightings(part, part.tracks, self._anchor, *size)))
        for event in events:
            self._tracks[event.track].held.append(event)
        for track in {*np.unique(part.tracks[part.tracks > 0]).tolist()}:
            found += self._released(track)
        lost = lost_after(self._lost, self._interval)
        found += self._end([track for track, seen in self._tracks.items() if self.last - seen.last > lost])
        return sorted(found, key=lambda one: one.order)

    def _forget(self) -> None:
        self._fold, self._interval, self.last = None, 0, -1
        self._tracks.clear()
        self._gone.clear()
        self.runs += 1

    def _note(self, part: Block, plan: int) -> None:
        """What is known of tracks with the next frames."""
        for gap in np.diff(part.time, prepend=part.time[:0] if self.last < 0 else self.last).tolist():
            self._interval = usual_gap(self._interval, gap)
        begins = self.last < 0
        frame_of = np.repeat(np.arange(len(part)), part.count)
        for number, place_of in sorted(_by_track(part.tracks), key=lambda one: (frame_of[one[1][0]], one[0])):
            first, last = int(frame_of[place_of[0]]), int(frame_of[place_of[-1]])
            seen = self._tracks.get(number)
            if seen is None:
                known = number <= self._highest or (begins and first == 0)
                seen = self._tracks[number] = _Seen(int(part.time[first]), 0, known, plan)
                self._highest = max(self._highest, number)
            seen.last = int(part.time[last])
            seen.frames += len(place_of)
            scores = part.score[place_of].astype(np.int64)
            seen.best = max(seen.best, int(scores.max()))
            for class_id, score in zip(part.class_id[place_of].tolist(), scores.tolist(), strict=True):
                seen.labels[class_id] = seen.labels.get(class_id, 0) + score
        self.last = int(part.time[-1])

    def _released(self, track: int) -> list[Happened]:
        """The events of a track that counts."""
        seen = self._tracks[track]
        if not seen.counts:
            return []
        events, seen.held = seen.held, []
        return [seen.happened(event) for event in events if not (seen.known and event.type is EventType.APPEARS)]

    def _end(self, tracks: Sequence[int]) -> list[Happened]:
        found: list[Happened] = []
        for track in tracks:
            ends = self._fold.end([track]) if self._fold else []
            self._tracks[track].held += ends
            found += self._released(track)
            ended = self._tracks.pop(track)
            self._gone += [ended.present(track)] if ended.counts else []
        return found


def runs(frames: Sequence[LiveFrame]) -> Iterator[Sequence[LiveFrame]]:
    """The frames cut where times fall: there the stream was started anew, with another clock."""
    start = 0
    for place_of, frame in enumerate(frames):
        if place_of > start and frame.pts <= frames[place_of - 1].pts:
            yield frames[start:place_of]
            start = place_of
    yield frames[start:]


def _by_track(tracks: NDArray[np.int32]) -> list[tuple[int, NDArray[np.intp]]]:
    """The places of the detections of each track, in the order of numbers."""
    places = np.flatnonzero(tracks)
    places = places[np.argsort(tracks[places], kind="stable")]
    numbers = tracks[places]
    edges = [*np.flatnonzero(np.diff(numbers, prepend=0)).tolist(), len(places)]
    return [(int(numbers[start]), places[start:stop]) for start, stop in pairwise(edges)]

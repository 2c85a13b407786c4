"""The events of a job that has ended, from its frames and its tracks."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analytics.scenes.bulk import BulkFold
from analytics.scenes.columns import EventColumns, joined
from analytics.scenes.events import Event
from analytics.scenes.geometry import Integers, bounded
from analytics.scenes.levels import LINGER_SECONDS, Rules, live_rules, ticks
from analytics.scenes.scene import FOOT, Scene, Sightings, sightings_by_track
from analytics.scenes.stitching import GAP_SECONDS, stitched
from contracts.errors import InvalidInput
from contracts.results.codec import BOX_SCALE, Block, concat
from contracts.results.tracks import Tracks
from contracts.wire.messages import Media, ResultHeader

# So many detections, or a block more, are looked at in one go.
_AT_ONCE = 100_000
# Some 220 MB. A day with ten objects in each frame, at three zones and two lines, has 700,000.
MOST_EVENTS = 1_000_000
# The longest time between two frames in a row of a video of variable rate, of which parts may have far fewer frames
# than it has on average: that for which the tracker follows an object that it does not see.
_VARIABLE_GAP_SECONDS = 2.0


class TrackedFrames(Protocol):
    """The frames of a job that has ended, in segments."""

    @property
    def header(self) -> ResultHeader:
        """The header of the result."""

    @property
    def starts(self) -> Sequence[int]:
        """The number of the first frame of each segment."""

    def segment(self, position: int, masks: bool = True) -> Block | None:
        """The frames of a segment, optionally without masks, with the track of each detection."""


def rules_of(
    header: ResultHeader, linger: int | None = None, dwell: float | None = None, *, live: bool = False
) -> Rules:
    """The rules for a job. linger: in frames, by default as many as 0.1 s have. dwell: in seconds, None for never.
    live: whether the tracks were made while a stream ran, whose frames are as far apart as it happens.

    Two frames in which a track was seen are in a row where they are no more than 0.5 s, or 2 frames of the job, apart.
    Those of a video of variable rate may be 2 s apart, and fewer than usual are enough where they last for 0.1 s.
    """
    if live:
        return live_rules(header.time_base, linger, dwell)
    rate = max(_rate(header), 1e-3)
    usual = max(1, math.ceil(round(LINGER_SECONDS * rate, 6)))
    variable = header.media.variable_fps
    apart = max(_VARIABLE_GAP_SECONDS if variable else GAP_SECONDS, round(2.5 / rate, 3))
    lasts = ticks(LINGER_SECONDS, header.time_base) if variable and linger is None else None
    dwells = None if dwell is None else ticks(dwell, header.time_base)
    return Rules(linger or usual, dwells, ticks(apart, header.time_base), lasts)


def _rate(header: ResultHeader) -> float:
    """Frames per second that the job looked at."""
    options = header.plan.options
    rate = header.media.fps / (options.every_n or 1)
    return min(rate, options.sample_fps) if options.sample_fps else rate


def recorded_events(frames: TrackedFrames, tracks: Tracks, scene: Scene, rules: Rules, anchor: str) -> list[Event]:
    """All events in order. tracks: all of the job. Raises InvalidInput for more than MOST_EVENTS.

    Exact: made of every box that has a track. Boxes are read where a track may be near a zone or a line; what is
    nowhere near causes no event.
    """
    first = stitched(tracks, ticks(GAP_SECONDS, frames.header.time_base))
    parts: list[EventColumns] = []
    count = 0
    for part in _of_objects(frames, tracks, first, scene, rules, anchor):
        parts.append(part)
        count += part.count
        if count > MOST_EVENTS:
            raise InvalidInput(
                f"the job has more than {MOST_EVENTS} events at this scene: divide its zones and lines among several "
                "scenes, draw lines with fewer turns, or give a larger linger"
            )
    return _named(joined(parts), tracks, first).in_order()


def _of_objects(
    frames: TrackedFrames, tracks: Tracks, first: Integers, scene: Scene, rules: Rules, anchor: str
) -> Iterator[EventColumns]:
    """The events of objects, by the first track of each, in no order."""
    near = _near(tracks, first, scene, anchor, frames.header.media)
    # The object of each track, 0 for those that are nowhere near and, at the end, for none.
    object_of = np.append(np.where(near, tracks.id[first], 0), 0).astype(np.int32)
    last_frame = np.zeros(len(tracks), np.int64)
    np.maximum.at(last_frame, first, tracks.last_frame)
    objects = np.unique(first[near])
    objects = objects[np.argsort(last_frame[objects], kind="stable")]
    fold, ended = BulkFold(scene, rules), 0
    for last, seen in _seen(frames, tracks, near, object_of, anchor):
        yield fold.advance(seen)
        before, ended = ended, int(np.searchsorted(last_frame[objects], last, side="right"))
        yield fold.end(tracks.id[objects[before:ended]])
    yield fold.finish()


def _near(tracks: Tracks, first: Integers, scene: Scene, anchor: str, media: Media) -> NDArray[np.bool_]:
    """Which tracks [n] belong to an object that may have been in a zone or crossed a line, by the rectangles around all
    of them. That of an object reaches over the gaps between its tracks: it may cross a line there."""
    if not len(tracks):
        return np.zeros(0, bool)
    low, high = tracks.hull[:, :2], tracks.hull[:, 2:]
    if anchor == FOOT:
        # No point of a path is farther from what is kept of it.
        slack = media.height * BOX_SCALE // 100 + 1
        starts = tracks.path_starts[:-1]
        low = np.maximum(low, np.minimum.reduceat(tracks.path[:, 1:], starts) - slack)
        high = np.minimum(high, np.maximum.reduceat(tracks.path[:, 1:], starts) + slack)
    low, high = bounded(low, media.width, media.height), bounded(high, media.width, media.height)
    np.minimum.at(low, first, low.copy())
    np.maximum.at(high, first, high.copy())
    near = np.zeros(len(tracks), bool)
    for x1, y1, x2, y2 in scene.bounds.tolist():
        near |= ((low <= [x2, y2]) & (high >= [x1, y1])).all(axis=1)
    of_object: NDArray[np.bool_] = near[first]
    return of_object


def _seen(
    frames: TrackedFrames, tracks: Tracks, near: NDArray[np.bool_], object_of: NDArray[np.int32], anchor: str
) -> Iterator[tuple[int, Sightings]]:
    """Where the wanted objects were, by object, in pieces that follow each other, each with its last frame."""
    media = frames.header.media
    starts = np.array(frames.starts, np.int64)
    alive = np.zeros(len(starts) + 1, np.int64)
    np.add.at(alive, np.searchsorted(starts, tracks.first_frame[near], side="right") - 1, 1)
    np.add.at(alive, np.searchsorted(starts, tracks.last_frame[near], side="right"), -1)
    wanted = np.flatnonzero(np.cumsum(alive)[:-1] > 0).tolist()
    for block in _gathered(frames.segment(position, masks=False) for position in wanted):
        place = np.where(block.tracks > 0, tracks.places(block.tracks), len(tracks))
        seen = sightings_by_track(block, object_of.take(place), anchor, media.width, media.height)
        yield int(block.frame[-1]), seen


def _gathered(blocks: Iterable[Block | None]) -> Iterator[Block]:
    """Blocks in larger pieces; none is empty."""
    parts: list[Block] = []
    detections = 0
    for block in blocks:
        if block is None or not len(block):
            continue
        parts.append(block)
        detections += len(block.score)
        if detections >= _AT_ONCE:
            yield concat(parts)
            parts, detections = [], 0
    if parts:
        yield concat(parts)


def _named(events: EventColumns, tracks: Tracks, first: Integers) -> EventColumns:
    """Events of objects as those of the tracks that these had then."""
    if not len(tracks):
        return events
    # Tracks by object, then first frame: the last one that had begun by then is that of an event.
    order = np.lexsort((tracks.id, tracks.first_frame, first))
    beyond = int(max(tracks.last_frame.max(), events.frame.max(initial=0))) + 1
    began = first[order] * beyond + tracks.first_frame[order]
    asked = tracks.places(events.track) * beyond + events.frame
    return replace(events, track=tracks.id[order[np.searchsorted(began, asked, side="right") - 1]])

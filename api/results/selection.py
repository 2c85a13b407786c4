"""Selection of frames and objects of a result. Pure except for reading segments."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from api.results.sources import Frames
from contracts.errors import InvalidInput
from contracts.results.codec import SCORE_SCALE, Block, time_ms
from contracts.results.tracks_file import TracksFile
from contracts.wire.messages import ResultHeader


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Base of query filters."""

    def digest(self) -> str:
        """A digest that ties a cursor to its filter."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()[:12]


class Query(Filter, frozen=True, kw_only=True):
    """A filter of frames and objects. Upper bounds are exclusive; None means no bound. filled: only frames that were,
    or were not, filled in; unset for both, so that cursors of before stay valid. track: only objects of this track.
    basis: what the tracks were made of, for a query of one of them: no cursor is continued in others."""

    from_frame: int | None = None
    to_frame: int | None = None
    from_ms: float | None = None
    to_ms: float | None = None
    labels: tuple[str, ...] = ()
    min_score: float | None = None
    filled: bool | msgspec.UnsetType = UNSET
    track: int | msgspec.UnsetType = UNSET
    basis: str | msgspec.UnsetType = UNSET


class Selection:
    """A query prepared for one result. Raises InvalidInput for an unknown label, or a track that the result has not.

    tracks: those of the result, for a query of one of them.
    """

    def __init__(self, query: Query, header: ResultHeader, tracks: TracksFile | None = None) -> None:
        self.query = query if query.track is UNSET else _during_track(query, query.track, tracks)
        self._time_base = header.time_base
        self._classes = class_ids(query.labels, header)

    @property
    def takes_all(self) -> bool:
        """Whether all objects of the selected frames are selected."""
        return not len(self._classes) and self.query.min_score is None and self.query.track is UNSET

    def is_past(self, block: Block) -> bool:
        """Whether this block and all later ones are beyond the selection."""
        if not len(block):
            return False
        late = self.query.to_frame is not None and int(block.frame[0]) >= self.query.to_frame
        return late or (self.query.to_ms is not None and self._ms(block.time[0]) >= self.query.to_ms)

    def apply(self, block: Block) -> Block:
        """The selected frames of a block with their selected detections, without frames that have none."""
        block = self.within(block)
        return block if self.takes_all else block.keep(self.objects(block), drop_empty=True)

    def within(self, block: Block) -> Block:
        """The selected frames of a block, with all detections."""
        query, low, high = self.query, 0, len(block)
        if query.from_frame is not None:
            low = int(np.searchsorted(block.frame, query.from_frame))
        if query.to_frame is not None:
            high = int(np.searchsorted(block.frame, query.to_frame))
        if query.from_ms is not None:
            low = max(low, bisect_left(block.time, query.from_ms, key=self._ms))
        if query.to_ms is not None:
            high = min(high, bisect_left(block.time, query.to_ms, key=self._ms))
        block = block if (low, high) == (0, len(block)) else block.slice(low, max(low, high))
        return block if query.filled is UNSET else block.of_frames(block.is_filled == query.filled)

    def objects(self, block: Block) -> NDArray[np.bool_]:
        """Mask of the selected detections of a block, [d]."""
        wanted = np.ones(len(block.score), bool)
        if len(self._classes):
            wanted &= np.isin(block.class_id, self._classes)
        if self.query.min_score is not None:
            wanted &= block.score >= round(self.query.min_score * SCORE_SCALE)
        if self.query.track is not UNSET:
            wanted &= block.tracks == self.query.track
        return wanted

    def begin(self, frames: Frames, first_frame: int = 0) -> int:
        """The position of the first segment that may contain a selected frame from first_frame on. Searches, so that
        few segments are read."""
        position = segment_of(frames, max(first_frame, self.query.from_frame or 0))
        return position if self.query.from_ms is None else segment_at(frames, self.query.from_ms, position)

    def _ms(self, time: np.int64) -> float:
        return time_ms(int(time), self._time_base)


def class_ids(labels: Sequence[str], header: ResultHeader) -> NDArray[np.int64]:
    """The numbers of some labels, [n]. Raises InvalidInput for one that the model has not."""
    unknown = [label for label in labels if label not in header.labels]
    if unknown:
        raise InvalidInput(f"the model has no label {unknown[0]!r}; it has: {', '.join(header.labels)}")
    return np.array([header.labels.index(label) for label in labels], np.int64)


def _during_track(query: Query, track: int, tracks: TracksFile | None) -> Query:
    """The query for the frames from the first to the last of its track alone, so that few segments are read."""
    found = None if tracks is None else tracks.find(track)
    if found is None:
        there = f"{len(tracks)} tracks" if tracks else "no tracks"
        raise InvalidInput(f"there is no track {track}: the job has {there}, see GET /jobs/{{job_id}}/tracks")
    start = max(query.from_frame or 0, found.first_frame)
    stop = found.last_frame + 1 if query.to_frame is None else min(query.to_frame, found.last_frame + 1)
    return msgspec.structs.replace(query, from_frame=start, to_frame=stop)


def segment_of(frames: Frames, frame: int) -> int:
    """The position of the segment that contains a frame."""
    return max(0, bisect_right(frames.starts, frame) - 1)


def segment_at(frames: Frames, ms: float, low: int = 0) -> int:
    """The position of a segment, from low on, before which all frames are earlier than a time. With failed segments it
    may be earlier than necessary."""
    media, time_base = frames.header.media, frames.header.time_base

    def begins_before(position: int) -> bool:
        block = frames.segment(position, masks=False)
        return block is not None and len(block) > 0 and time_ms(int(block.time[0]), time_base) < ms

    high = frames.finished  # low may be the result, high is not
    # Most videos have a constant frame rate: guess the position, then search around it in growing steps.
    nominal = int(max(0.0, min(ms * media.fps / 1000, 2.0**40)))
    guess, step = min(max(segment_of(frames, nominal), low + 1), high - 1), 1
    while low < guess < high:
        if begins_before(guess):
            low, guess = guess, guess + step
        else:
            high, guess = guess, guess - step
        step *= 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if begins_before(middle) else (low, middle)
    return low


def last_segment_before(frames: Frames, ms: float) -> int:
    """The position of a segment after which no finished frame is earlier than a time."""
    last = segment_at(frames, ms)
    while last + 1 < frames.finished:
        block = frames.segment(last + 1, masks=False)
        if block is None or (len(block) and time_ms(int(block.time[0]), frames.header.time_base) >= ms):
            break
        last += 1  # it begins before the time, or it failed and misled the search
    return last


def walk(
    frames: Frames, selection: Selection, masks: bool = False, first_frame: int = 0, last_frame: int | None = None
) -> Iterator[Block | None]:
    """The selected frames from first_frame on, by segment, with all detections, without segments that begin after
    last_frame. Ends with None where a running job has not got further yet."""
    stop = len(frames.starts) if last_frame is None else bisect_right(frames.starts, last_frame)
    for position in range(selection.begin(frames, first_frame), stop):
        block = frames.segment(position, masks)
        if block is None:
            yield None
            return
        if selection.is_past(block):
            return
        if first_frame:
            block = block.slice(int(np.searchsorted(block.frame, first_frame)), len(block))
        yield selection.within(block)

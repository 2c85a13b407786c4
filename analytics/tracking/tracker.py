"""The tracker: a fold over the frames of a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics.boxes import Integers
from analytics.tracking.gaps import lost_after, usual_gap
from analytics.tracking.matching import Found, match, twice
from analytics.tracking.motion import NONE, Moving, begun, expected, seen
from analytics.tracking.records import PER_AXIS, Record, extended, parts_in
from contracts.results.codec import SCORE_SCALE, Block
from contracts.results.tracks import TrackerParameters, Tracks, concat, of_tracks, taken
from contracts.results.tracks_file import GROUP_TRACKS, decode_numbers, decode_tracks, encode_numbers, encode_tracks

NAME, VERSION = "web-detector", 2

# Some tracks that have ended: their numbers and their columns, encoded.
Packed = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """All tracks. numbers [n]: which number each had in what `advance` gave."""

    numbers: Integers
    tracks: Tracks


class _State(msgspec.Struct):
    """What a tracker keeps between two calls. interval: the usual time between two frames, in microseconds; see
    gaps. going, ended: tracks by number, those of `moving` and others. packed: more that have ended."""

    parameters: TrackerParameters
    tolerance: int
    frames: int
    numbers: int
    last_time: int
    interval: int
    going: dict[int, Record]
    ended: dict[int, Record]
    packed: list[Packed]
    moving: list[tuple[str, tuple[int, ...], bytes]]


class Tracker:
    """Follows objects through frames, given in their order in pieces of any length.

    parameters: settled. tolerance: how far in 1/100 px a track's path may be from its points: 1 % of the frame's
    height. numbers: how many were given before; the first track gets the next one.
    """

    def __init__(self, parameters: TrackerParameters, tolerance: int, numbers: int = 0) -> None:
        self._set(_State(parameters, tolerance, 0, numbers, 0, 0, {}, {}, [], []), NONE)

    @property
    def numbers(self) -> int:
        """The highest number that was given to a track."""
        return self._state.numbers

    def advance(self, block: Block, times_us: Integers) -> NDArray[np.int32]:
        """Track the next frames; times_us [f]: of its frames, in microseconds, never falling.

        Returns for each detection the number of its track [d], 0 for none. Numbers rise in the order in which tracks
        begin; `finish` says which of them are tracks after all.
        """
        numbers = self.assign(block, times_us)
        self._record(block, numbers)
        return numbers

    def assign(self, block: Block, times_us: Integers) -> NDArray[np.int32]:
        """As `advance`, and keep nothing of tracks that have ended: for frames without end. Not both of one tracker."""
        class_id, score = block.class_id.astype(np.int64), block.score.astype(np.int64)
        usable = np.flatnonzero(score >= self._low)
        scores = score[usable]
        together = Found.of(class_id[usable], scores, block.box[usable], scores >= self._high)
        offsets = np.searchsorted(usable, block.offsets()).tolist()
        numbers = np.zeros(len(score), np.int32)
        parts = [
            self._frame(time, together.slice(start, stop))
            for time, (start, stop) in zip(times_us.tolist(), pairwise(offsets), strict=True)
        ]
        if parts:
            numbers[usable] = np.concatenate(parts)
        return numbers

    def finish(self) -> Finished:
        """The tracks, in the order of their first frames. Those of too few frames are left out, of a job of fewer
        frames those that are not in all of them."""
        state = self._state
        open_ones = sorted((state.going | state.ended).items())
        parts = [of_tracks(record.track(0) for _, record in open_ones)]
        numbers = [np.array([number for number, _ in open_ones], np.int64)]
        for packed, data in state.packed:
            numbers.append(decode_numbers(packed))
            parts.append(decode_tracks(data, len(numbers[-1])))
        together, of_all = concat(parts), np.concatenate(numbers)
        places = np.flatnonzero(together.frames >= min(state.parameters.min_frames, state.frames))
        places = places[np.argsort(of_all[places])]
        return Finished(of_all[places], taken(together, places))

    def state(self) -> bytes:
        """What `from_state` makes the same tracker of."""
        columns = self._moving.columns()
        self._state.moving = [(column.dtype.str, column.shape, column.tobytes()) for column in columns]
        return msgspec.msgpack.encode(self._state)

    def take_ended(self) -> list[Packed]:
        """The tracks that have ended, which this tracker forgets: `from_state` takes them back."""
        self._pack()
        packed, self._state.packed = self._state.packed, []
        return packed

    @classmethod
    def from_state(cls, data: bytes, ended: Sequence[Packed] = ()) -> "Tracker":
        """The tracker of which `state` gave the data, with the tracks that it had forgotten. Raises
        msgspec.DecodeError."""
        state = msgspec.msgpack.decode(data, type=_State)
        state.packed += ended
        columns: list[NDArray[Any]] = [
            np.frombuffer(raw, np.dtype(dtype)).reshape(shape) for dtype, shape, raw in state.moving
        ]
        made = cls.__new__(cls)
        made._set(state, Moving.of_columns(columns))
        return made

    def _set(self, state: _State, moving: Moving) -> None:
        self._state, self._moving = state, moving
        parameters = state.parameters
        if parameters.start_score is None:
            raise ValueError("start_score is open: see contracts.results.tracks.settled")
        self._high = round(parameters.start_score * SCORE_SCALE)
        self._low = min(round(parameters.min_score * SCORE_SCALE), self._high)
        self._lost = round(parameters.lost_seconds * 1e6)

    def _frame(self, time: int, found: Found) -> Integers:
        """Numbers of the tracks of a frame's detections [m], 0 for none."""
        self._expire(time)
        numbers = np.zeros(len(found), np.int64)
        if not len(found):
            return numbers
        moving, matched = self._moving, 0
        if len(moving):
            then = expected(moving, time)
            rows, columns = match(moving.class_id, then, found)
            seen(moving, rows, then.take(rows, axis=1), time, found.place[:, columns], found.labels[:, columns])
            numbers[columns] = moving.number[rows]
            matched = len(rows)
        if matched < len(found):
            self._begin(time, found, numbers)
        return numbers

    def _begin(self, time: int, found: Found, numbers: Integers) -> None:
        """Begin tracks of a frame's detections that have no number yet, and set it."""
        new = np.flatnonzero((numbers == 0) & found.starting)
        if len(new):
            new = new[~twice(found, new)]
        if len(new):
            numbers[new] = self._state.numbers + 1 + np.arange(len(new))
            self._state.numbers += len(new)
            self._moving = self._moving.join(begun(numbers[new], time, found.place[:, new], *found.labels[:, new]))

    def _expire(self, time: int) -> None:
        """Forget the tracks that are lost at a time, which is that of the next frame."""
        state = self._state
        gap = time - state.last_time if state.frames else 0
        kept = time - self._moving.time <= lost_after(self._lost, state.interval or gap)
        state.interval = usual_gap(state.interval, gap)
        state.frames += 1
        state.last_time = time
        if not kept.all():
            self._moving = self._moving.keep(kept)

    def _record(self, block: Block, numbers: NDArray[np.int32]) -> None:
        """Add detections with a number to the records of their tracks."""
        going, tolerance = self._state.going, self._state.tolerance * PER_AXIS
        for number, part in parts_in(block, numbers):
            going[number] = extended(going.get(number), part, tolerance)
        ended = going.keys() - set(self._moving.number.tolist())
        self._state.ended.update({number: going.pop(number) for number in ended})
        if len(self._state.ended) >= GROUP_TRACKS:
            self._pack()

    def _pack(self) -> None:
        """Pack the tracks that have ended: there may be very many. Those that will be too few frames are dropped."""
        least = min(self._state.parameters.min_frames, self._state.frames)
        kept = {number: record for number, record in self._state.ended.items() if record.frames >= least}
        if kept:
            tracks = of_tracks(record.track(0) for record in kept.values())
            self._state.packed.append((encode_numbers(np.array(list(kept), np.int64)), encode_tracks(tracks)))
        self._state.ended.clear()

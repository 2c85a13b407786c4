"""The tracks of one stream: which detections of its frames are the same object.

Numbers rise for as long as the stream is there, whoever analyses it: with each result goes the state from which another
detector goes on. Of a track that has ended nothing is kept.
"""

import time
from typing import Any

import msgspec
import numpy as np
import redis
from msgspec.structs import replace

from analytics.tracking.tracker import Tracker
from contracts.live import keys
from contracts.live.plans import analysis_of
from contracts.live.results import KeptTracks, LiveFrame, block, read
from contracts.live.streams import TICKS_PER_SECOND, StreamSpec
from contracts.results.tracks import TrackerParameters, settled

# Where Redis has lost its data, numbers go on as if so many tracks had begun in each second of the stream's life, more
# than in any but a stream that shows crowds day and night. A new stream has lost nothing, and its numbers begin at 1.
_NUMBERS_PER_SECOND = 10
_NEW_SECONDS = 60
# Numbers are signed 32 bit columns in files and tables: these are enough for six years, and leave room for later ones.
_MOST_NUMBERS = 2**31 - 2**27
# For which the numbers of a stream that stands still are known, then they are as if lost; what is written of one that
# was just deleted expires.
KEPT_SECONDS = 90 * 86_400


def newest_result(client: "redis.Redis", stream_id: str) -> LiveFrame | None:
    """The last result of a stream. Raises RedisError."""
    found: Any = client.xrevrange(keys.results(stream_id), count=1)
    return read(found[0][1]) if found else None


class StreamTracks:
    """To be opened before the first frame, when the stream is this detector's."""

    def __init__(self, client: "redis.Redis", stream_id: str) -> None:
        self._redis, self._id = client, stream_id
        self._numbers: int | None = None  # that were given by those before this
        self._tracker: Tracker | None = None
        self._run = ""
        self._last = 0

    def open(self, spec: StreamSpec) -> None:
        """Go on where the detector before has stopped; at most once. Raises RedisError."""
        if self._numbers is not None:
            return
        data: Any = self._redis.get(keys.tracker(self._id))
        try:
            kept = msgspec.msgpack.decode(data, type=KeptTracks) if data else None
        except msgspec.DecodeError:  # of a later release
            kept = None
        if kept is None:
            is_new = newest_result(self._redis, self._id) is not None  # nothing was lost: nothing was tracked
            # Not since its start: it may have been started again after what was lost.
            self._numbers = 0 if is_new else lost_numbers(time.time() - (spec.created_at or spec.started_at))
            return
        self._numbers = kept.numbers
        try:
            self._tracker, self._run, self._last = Tracker.from_state(kept.tracker), kept.run, kept.pts
        except (msgspec.DecodeError, ValueError):  # of another release
            self._tracker = None

    def numbered(self, frame: LiveFrame, spec: StreamSpec) -> LiveFrame:
        """The frame with the track of each of its detections. Frames come in the order of their times."""
        run = f"{spec.started_at}:{analysis_of(frame.plan)}:{frame.width}x{frame.height}"
        tracker = self._tracker
        if tracker is None or run != self._run or frame.pts < self._last:
            tracker = self._begin(spec.options.min_score)
            self._run = run
        self._last = frame.pts
        found = tracker.assign(block([frame], [frame.pts], [frame.pts]), np.array([_us(frame.pts)]))
        return replace(frame, track=found.astype("<u4").tobytes(), numbers=tracker.numbers)

    def kept(self) -> bytes:
        """From where another detector goes on."""
        tracker = self._tracker
        numbers = (self._numbers or 0) if tracker is None else tracker.numbers
        state = b"" if tracker is None else tracker.state()
        return msgspec.msgpack.encode(KeptTracks(numbers, self._run, self._last, state))

    def _begin(self, min_score: float) -> Tracker:
        """The tracks so far have ended: the frames are of another size, of other options, or of a new start."""
        numbers = (self._numbers or 0) if self._tracker is None else self._tracker.numbers
        self._tracker = Tracker(settled(TrackerParameters(), min_score), 0, numbers)
        return self._tracker


def lost_numbers(seconds: float) -> int:
    """The number after which those of a stream go on that was added so long ago, where it is not known any more."""
    return 0 if seconds < _NEW_SECONDS else min(_MOST_NUMBERS, int(seconds * _NUMBERS_PER_SECOND))


def _us(pts: int) -> int:
    return pts * 1_000_000 // TICKS_PER_SECOND

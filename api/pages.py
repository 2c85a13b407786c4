"""Pages of frames: filter, cursor, JSON. Pure but for reading segments."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from api.reading import Frames
from contracts.codec import BOX_SCALE, SCORE_SCALE, Block, time_ms
from contracts.errors import InvalidCursor, InvalidInput
from contracts.messages import ResultHeader

_encoder = msgspec.json.Encoder()


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What a client wants of the frames. Ends are not included; None means no bound."""

    from_frame: int | None = None
    to_frame: int | None = None
    from_ms: float | None = None
    to_ms: float | None = None
    labels: tuple[str, ...] = ()
    min_score: float | None = None

    def digest(self) -> str:
        """Tells whether a cursor is of the same filter."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Page:
    """Selected frames, and where to go on: next_frame is None at the end of what is wanted;
    waiting tells that a running job has not come further yet."""

    blocks: list[Block]
    next_frame: int | None
    waiting: bool = False


class Selection:
    """A query made ready for the frames of one result. Raises InvalidInput for an unknown label."""

    def __init__(self, query: Query, header: ResultHeader) -> None:
        self._query = query
        self._time_base = header.time_base
        unknown = [label for label in query.labels if label not in header.labels]
        if unknown:
            raise InvalidInput(f"the model has no label {unknown[0]!r}; it has: {', '.join(header.labels)}")
        self._classes = np.array([header.labels.index(label) for label in query.labels], np.int64)

    @property
    def first_frame(self) -> int:
        """No frame before this one is wanted."""
        return self._query.from_frame or 0

    def is_past(self, block: Block) -> bool:
        """Whether all frames from this block on come after what is wanted."""
        if not len(block):
            return False
        late = self._query.to_frame is not None and int(block.frame[0]) >= self._query.to_frame
        return late or (
            self._query.to_ms is not None and time_ms(int(block.time[0]), self._time_base) >= self._query.to_ms
        )

    def apply(self, block: Block) -> Block:
        """The wanted frames of a block with their wanted detections."""
        block = self._in_time(self._in_range(block))
        if not len(self._classes) and self._query.min_score is None:
            return block
        wanted = np.ones(len(block.score), bool)
        if len(self._classes):
            wanted &= np.isin(block.class_id, self._classes)
        if self._query.min_score is not None:
            wanted &= block.score >= round(self._query.min_score * SCORE_SCALE)
        return block.keep(wanted, drop_empty=True)

    def _in_range(self, block: Block) -> Block:
        low = np.searchsorted(block.frame, self._query.from_frame or 0)
        high = len(block) if self._query.to_frame is None else np.searchsorted(block.frame, self._query.to_frame)
        return block.slice(int(low), int(high))

    def _in_time(self, block: Block) -> Block:
        if self._query.from_ms is None and self._query.to_ms is None:
            return block
        times = [time_ms(int(time), self._time_base) for time in block.time]
        low = 0 if self._query.from_ms is None else int(np.searchsorted(times, self._query.from_ms))
        high = len(times) if self._query.to_ms is None else int(np.searchsorted(times, self._query.to_ms))
        return block.slice(low, max(low, high))


def read_page(frames: Frames, selection: Selection, first_frame: int, limit: int, ended: bool) -> Page:
    """At most `limit` selected frames from first_frame on; ended tells that no more will come."""
    taken: list[Block] = []
    room = limit
    next_frame = max(first_frame, selection.first_frame)
    for position in range(max(0, bisect_right(frames.starts, next_frame) - 1), len(frames.starts)):
        block = frames.segment(position)
        if block is None:
            return Page(taken, max(next_frame, frames.starts[position]), waiting=True)
        block = block.slice(int(np.searchsorted(block.frame, next_frame)), len(block))
        if selection.is_past(block):
            return Page(taken, None)
        after = int(block.frame[-1]) + 1 if len(block) else next_frame
        block = selection.apply(block)
        if len(block) > room:
            taken.append(block.slice(0, room))
            return Page(taken, int(block.frame[room]))
        taken.append(block)
        room -= len(block)
        next_frame = max(next_frame, after)
    return Page(taken, None if ended else next_frame, waiting=not ended)


def frame_lines(block: Block, header: ResultHeader) -> list[bytes]:
    """The frames of a block as JSON objects, one each."""
    offsets = block.offsets().tolist()
    found = _detections(block, header)
    lines = []
    for i, (frame, time) in enumerate(zip(block.frame.tolist(), block.time.tolist(), strict=True)):
        detections = found[offsets[i] : offsets[i + 1]]
        lines.append(
            _encoder.encode({"frame": frame, "time_ms": time_ms(time, header.time_base), "detections": detections})
        )
    return lines


def _detections(block: Block, header: ResultHeader) -> list[dict[str, Any]]:
    """All detections of a block, with masks where the job asked for them."""
    columns = zip(block.class_id.tolist(), block.score.tolist(), block.box.tolist(), strict=True)
    found: list[dict[str, Any]] = [
        {
            "label": header.labels[class_id],
            "class_id": class_id,
            "score": score / SCORE_SCALE,
            "box": [edge / BOX_SCALE for edge in box],
        }
        for class_id, score, box in columns
    ]
    if block.mask is not None:
        size = [header.media.height, header.media.width]
        for detection, counts in zip(found, block.mask, strict=True):
            detection["mask"] = {"size": size, "counts": counts.decode("ascii")}
    return found


def format_cursor(next_frame: int, query: Query) -> str:
    """A cursor that is good for this filter alone."""
    return f"{next_frame}-{query.digest()}"


def parse_cursor(cursor: str | None, query: Query) -> int:
    """The frame to go on from. Raises InvalidCursor when the cursor is of another filter."""
    if cursor is None:
        return 0
    frame, _, digest = cursor.partition("-")
    if not (frame.isascii() and frame.isdigit()) or len(frame) > 12:
        raise InvalidCursor("this is not a cursor: take next_cursor as it was given")
    if digest != query.digest():
        raise InvalidCursor("the cursor was given for another filter: keep the filter, or start without a cursor")
    return int(frame)

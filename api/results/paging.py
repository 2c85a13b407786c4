"""Pages of frames: cursor, JSON. Pure but for reading segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from api.results.selection import Filter, Selection
from api.results.sources import Frames
from contracts.errors import InvalidCursor
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block, time_ms
from contracts.wire.messages import ResultHeader

# Frames, or ticks of a stream.
_CURSOR_DIGITS = 18
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Page:
    """Selected frames. next_frame: start of the next page, None at the end of the selection. waiting: a running job
    has not got further yet."""

    blocks: list[Block]
    next_frame: int | None
    waiting: bool = False


def read_page(frames: Frames, selection: Selection, first_frame: int, limit: int, ended: bool) -> Page:
    """At most `limit` selected frames from first_frame on. ended: no more frames will come."""
    taken: list[Block] = []
    room = limit
    next_frame = max(first_frame, selection.query.from_frame or 0)
    for position in range(selection.begin(frames, first_frame), len(frames.starts)):
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
    """The frames of a block, each as a JSON object. `filled` is there where it is true."""
    offsets = block.offsets().tolist()
    found = _detections(block, header)
    lines = []
    for i, (frame, time, mark) in enumerate(zip(block.frame.tolist(), block.time.tolist(), marks(block), strict=True)):
        own = found[offsets[i] : offsets[i + 1]]
        ms = time_ms(time, header.time_base)
        lines.append(_encoder.encode({"frame": frame, "time_ms": ms, **mark, "detections": own}))
    return lines


def marks(block: Block) -> list[dict[str, bool]]:
    """What is said of each frame besides its detections."""
    return [{"filled": True} if filled else {} for filled in block.is_filled.tolist()]


def _detections(block: Block, header: ResultHeader) -> list[dict[str, Any]]:
    """All detections of a block, with masks if the job has them, and with the numbers of their tracks."""
    found = detections(block.class_id.tolist(), block.score.tolist(), block.box.tolist(), header.labels)
    if block.track is not None:
        for detection, track in zip(found, block.track.tolist(), strict=True):
            if track:
                detection["track"] = track
    if block.mask is not None:
        size = [header.media.height, header.media.width]
        for detection, counts in zip(found, block.mask, strict=True):
            detection["mask"] = {"size": size, "counts": counts.decode("ascii")}
    return found


def detections(
    class_ids: Iterable[int], scores: Iterable[int], boxes: Iterable[Iterable[int]], labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Detections as JSON has them, from their stored numbers: one of each for a detection. labels: by class number."""
    return [
        {
            "label": labels[class_id],
            "class_id": class_id,
            "score": score / SCORE_SCALE,
            "box": [edge / BOX_SCALE for edge in box],
        }
        for class_id, score, box in zip(class_ids, scores, boxes, strict=True)
    ]


def format_cursor(next_frame: int, query: Filter) -> str:
    """A cursor that is valid for this filter only."""
    return f"{next_frame}-{query.digest()}"


def parse_cursor(cursor: str | None, query: Filter) -> int:
    """The frame to continue at. Raises InvalidCursor, also for the cursor of another filter or another basis."""
    if cursor is None:
        return 0
    frame, _, digest = cursor.partition("-")
    if not (frame.isascii() and frame.isdigit()) or len(frame) > _CURSOR_DIGITS:
        raise InvalidCursor("this is not a valid cursor: use next_cursor of the previous page unchanged")
    if digest != query.digest():
        raise InvalidCursor(
            "the cursor belongs to another filter, or to tracks of before: keep the filter, or start without a cursor"
        )
    return int(frame)

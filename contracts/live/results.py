"""Results of a stream, one entry per analysed frame in a Redis Stream bounded by age (`keys.results`), with one field
FIELD. The api sends them to viewers, pages through them, and the processor files those of a recording."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from contracts.results.codec import BOX_SCALE, EMPTY, SCORE_SCALE, Block, Detections

FIELD = b"r"
_BOX = struct.Struct("<4i")


class LiveFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """The detections of one frame.

    number, pts: of the packet, see contracts.live.packets. width, height: of the displayed frame in pixels. class_id
    (uint16), score (uint16, 1/10000), box (int32 x1, y1, x2, y2, 1/100 px of the displayed frame): little-endian
    columns. arrival: of the packet. done: Unix seconds at which the result was written. plan: number of
    the one in `keys.plans` that it was made by. dropped: number of frames without a result since the frame before, by
    DropReason. track (uint32): the number of each detection's track, 0 for none; empty where streams are not tracked.
    Numbers of a stream rise and are never given twice; a track of few frames may turn out to be none. numbers: the
    highest that was given so far, 0 where it is not known, so that who reads from here on can tell new tracks.
    """

    number: int
    pts: int
    width: int
    height: int
    class_id: bytes
    score: bytes
    box: bytes
    arrival: float
    done: float
    plan: int
    dropped: dict[str, int] = {}
    track: bytes = b""
    numbers: int = 0


class KeptTracks(msgspec.Struct, frozen=True):
    """From where another detector goes on. numbers: the highest that was given. run: of which frames the tracks may go
    on, pts: of the last of them. tracker: its state."""

    numbers: int
    run: str
    pts: int
    tracker: bytes


def pack(detections: Detections) -> dict[str, bytes]:
    """The columns of a LiveFrame, rounded as in stored results."""
    score = np.rint(np.asarray(detections.score) * SCORE_SCALE).astype("<u2")
    box = np.rint(np.asarray(detections.box) * BOX_SCALE).astype("<i4").reshape(-1, 4)
    return {
        "class_id": np.asarray(detections.class_id).astype("<u2").tobytes(),
        "score": score.tobytes(),
        "box": box.tobytes(),
    }


def encode(frame: LiveFrame) -> bytes:
    """As MessagePack."""
    return msgspec.msgpack.encode(frame)


def decode(data: bytes) -> LiveFrame:
    """Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=LiveFrame)


def read(fields: Mapping[bytes, bytes]) -> LiveFrame | None:
    """The result in an entry of Redis; None where a later release wrote it and it cannot be read."""
    try:
        return decode(fields[FIELD])
    except (msgspec.DecodeError, KeyError):
        return None


def block(frames: Sequence[LiveFrame], numbers: Sequence[int], times: Sequence[int]) -> Block:
    """The frames as a block of results. numbers, times: what stands for each frame there, rising."""
    if not frames:
        return EMPTY
    return Block(
        np.asarray(numbers, np.int64),
        np.asarray(times, np.int64),
        np.array([len(frame.score) // 2 for frame in frames], np.uint32),
        _column(frames, "class_id", "<u2"),
        _column(frames, "score", "<u2"),
        _column(frames, "box", "<i4").reshape(-1, 4),
        track=_tracks(frames),
    )


def columns(frame: LiveFrame) -> tuple[list[int], list[int], list[list[int]]]:
    """(class_id, score, box) of a frame, as numbers."""
    number = len(frame.class_id) // 2
    # Not by numpy, which costs more for the few objects of a frame.
    class_id, score = (list(struct.unpack(f"<{number}H", column)) for column in (frame.class_id, frame.score))
    return class_id, score, [list(box) for box in _BOX.iter_unpack(frame.box)]


def tracks(frame: LiveFrame) -> tuple[int, ...]:
    """The track of each detection of a frame, 0 for none; () where it was not tracked."""
    return struct.unpack(f"<{len(frame.track) // 4}I", frame.track)


def is_tracked(frame: LiveFrame) -> bool:
    """Whether all that is known of the tracks of its detections is in it."""
    return len(frame.track) == 2 * len(frame.class_id)


def _tracks(frames: Sequence[LiveFrame]) -> Any:
    """[d]; None where no frame was tracked."""
    if not any(frame.track for frame in frames):
        return None
    parts = [frame.track if is_tracked(frame) else bytes(2 * len(frame.class_id)) for frame in frames]
    return np.frombuffer(b"".join(parts), "<u4").astype(np.int32)


def _column(frames: Sequence[LiveFrame], name: str, kind: str) -> Any:
    return np.frombuffer(b"".join(getattr(frame, name) for frame in frames), kind)

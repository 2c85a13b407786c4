"""Messages to viewers. Pure.

Texts are JSON with a `type`. Binary ones begin with a byte for their kind, a byte of flags, and the time of their frame
in milliseconds as a little-endian float64.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from api.live.result_lines import named
from api.results.paging import detections
from contracts.live import results
from contracts.live.packets import CodecConfig, Packet, is_jpeg, is_shown
from contracts.live.results import LiveFrame
from contracts.live.streams import TIME_BASE
from contracts.results.codec import time_ms as time_ms_of

# Beyond this a float is too imprecise for ticks.
LATEST_MS = 1e12
INIT, FRAGMENT, JPEG = 1, 2, 3
KEYFRAME = 1
_HEAD = struct.Struct("<BBd")
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Media:
    """One frame as a binary message. key: viewers can start here. time_ms: of the frame."""

    message: bytes
    key: bool
    time_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """The detections of one frame as a text message. time_ms: of the frame."""

    message: str
    time_ms: float


def config_messages(config: CodecConfig) -> list[str | bytes]:
    """What comes before the first frame of a configuration."""
    said = {
        "type": "config",
        "mime": config.mime if is_shown(config) else "",
        "width": config.width,
        "height": config.height,
        "rotation": config.rotation,
        "codec": config.codec,
        "number": config.number,
    }
    text = _encoder.encode(said).decode()
    return [text, _HEAD.pack(INIT, 0, 0.0) + config.init] if is_shown(config) and config.init else [text]


def media(packet: Packet, config: CodecConfig) -> Media:
    """A frame of a configuration that `is_shown`."""
    kind = JPEG if is_jpeg(config) else FRAGMENT
    time_ms = time_ms_of(packet.pts, TIME_BASE)
    head = _HEAD.pack(kind, KEYFRAME if packet.key else 0, time_ms)
    return Media(b"".join((head, packet.head, packet.data)), packet.key, time_ms)


def result(frame: LiveFrame, labels: Sequence[str]) -> Result:
    """labels: of the model, by class number."""
    class_ids, scores, boxes = results.columns(frame)
    found = detections(class_ids, scores, boxes, named(labels, max(class_ids, default=-1) + 1))
    for detection, track in zip(found, results.tracks(frame), strict=False):  # not all frames are tracked
        if track:
            detection["track"] = track
    time_ms = time_ms_of(frame.pts, TIME_BASE)
    said = text(
        "result",
        width=frame.width,
        height=frame.height,
        latency_ms=round((frame.done - frame.arrival) * 1000, 1),
        frame=frame.number,
        time_ms=time_ms,
        detections=found,
    )
    return Result(said, time_ms)


def text(kind: str, **fields: Any) -> str:
    """A message of a type."""
    return _encoder.encode({"type": kind, **fields}).decode()

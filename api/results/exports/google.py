"""The answer of Google's Video Intelligence to a request for object tracking. Pure except for reading segments."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from api.results.exports.by_track import Objects, tracked, untracked
from api.results.exports.export import Export, tracks_of
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, time_ms, times_ms
from contracts.wire.messages import ResultHeader

_EDGES = ("left", "top", "right", "bottom")
_encoder = msgspec.json.Encoder()


def as_google(export: Export) -> Iterator[bytes]:
    """One answer with an `objectAnnotations` element per track, its boxes from 0 to 1. An object without a track is an
    element of its own."""
    header = export.frames.header
    whole = _segment(0.0, header.media.duration_ms)
    yield b'{"annotationResults":[{"segment":' + _encoder.encode(whole) + b',"objectAnnotations":['
    comma = b"\n"
    for track, parts in tracked(export, tracks_of(export)):
        times = (time_ms(time, header.time_base) for time in (track.first_time, track.last_time))
        yield comma + _open(header, track.class_id, track.best_score, _segment(*times))
        yield from _frames(parts, header)
        yield b"]}"
        comma = b",\n"
    for objects in untracked(export):
        yield comma + b",\n".join(_alone(objects, header))
        comma = b",\n"
    yield b"\n]}]}\n"


def _alone(objects: Objects, header: ResultHeader) -> Iterator[bytes]:
    times = times_ms(objects.time, header.time_base).tolist()
    frames = [_encoder.encode(frame) for frame in _boxes(objects, header)]
    kinds = zip(objects.class_id.tolist(), objects.score.tolist(), strict=True)
    for (class_id, score), time, frame in zip(kinds, times, frames, strict=True):
        yield _open(header, class_id, score, _segment(time, time)) + frame + b"]}"


def _open(header: ResultHeader, class_id: int, score: int, segment: dict[str, str]) -> bytes:
    """An element up to its first frame."""
    known = {"entity": {"description": header.labels[class_id]}, "confidence": score / SCORE_SCALE, "segment": segment}
    return _encoder.encode(known)[:-1] + b',"frames":['


def _frames(parts: Iterable[Objects], header: ResultHeader) -> Iterator[bytes]:
    comma = b""
    for part in parts:
        yield comma + _encoder.encode(_boxes(part, header))[1:-1]
        comma = b","


def _boxes(objects: Objects, header: ResultHeader) -> list[dict[str, Any]]:
    size = BOX_SCALE * np.array([header.media.width, header.media.height] * 2)
    times = times_ms(objects.time, header.time_base).tolist()
    return [
        {"normalizedBoundingBox": dict(zip(_EDGES, box, strict=True)), "timeOffset": _offset(time)}
        for box, time in zip(np.round(objects.box / size, 6).tolist(), times, strict=True)
    ]


def _segment(from_ms: float, to_ms: float) -> dict[str, str]:
    return {"startTimeOffset": _offset(from_ms), "endTimeOffset": _offset(to_ms)}


def _offset(ms: float) -> str:
    """A duration as JSON of protocol buffers has it."""
    return f"{ms / 1000:.6f}s"

"""Result files and tracks files for tests, made of boxes whose tracks are known."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.results import result_file, tracks_file
from contracts.results.codec import Block
from contracts.results.result_file import ResultFile
from contracts.results.tracks import Track, TrackerParameters, of_tracks
from contracts.results.tracks_file import TracksFile, TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA
from tests.support.results.example_results import header

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Found:
    """A box of a frame. track: 0 for none."""

    frame: int
    box: Box
    track: int
    class_id: int = 0
    score: int = 9000


def walk(track: int, first: int, feet: Sequence[tuple[int, int]], class_id: int = 0, size: int = 400) -> list[Found]:
    """A track whose foot point is at these places, in 1/100 px, in as many frames."""
    return [
        Found(first + i, (x - size // 4, y - size, x + size // 4, y), track, class_id) for i, (x, y) in enumerate(feet)
    ]


def files(found: Sequence[Found], frames: int, fps: int = 25) -> tuple[ResultFile, TracksFile]:
    """The files of a video of 64 x 48 with so many frames; ids must be in the order of first frames."""
    result, tracks = file_bytes(found, frames, fps)
    return ResultFile(io.BytesIO(result)), TracksFile(io.BytesIO(tracks))


def file_bytes(found: Sequence[Found], frames: int, fps: int = 25, *, live: bool = False) -> tuple[bytes, bytes]:
    """The same as bytes. live: whether the tracks are those of a stream."""
    ordered = sorted(found, key=lambda one: (one.frame, one.track == 0, one.box))
    block = Block(
        np.arange(frames),
        np.arange(frames),
        np.bincount([one.frame for one in ordered], minlength=frames).astype(np.uint32),
        np.array([one.class_id for one in ordered], np.uint16),
        np.array([one.score for one in ordered], np.uint16),
        np.array([one.box for one in ordered], np.int32).reshape(-1, 4),
    )
    sink = io.BytesIO()
    result_file.write(sink, header((1, fps), float(fps)), [block])
    ids = np.array([one.track for one in ordered], np.int64)
    tracks = [_track(id_, [one for one in ordered if one.track == id_]) for id_ in range(1, ids.max(initial=0) + 1)]
    parts = np.split(ids, block.offsets()[[*ResultFile(sink).starts[1:]]]) if frames else []
    out = io.BytesIO()
    made = TracksHeader(SCHEMA, "test", 1, TrackerParameters(), "0" * 64, live=live)
    numbers = np.arange(1, len(tracks) + 1)
    tracks_file.write(out, made, [encode_numbers(part) for part in parts], numbers, of_tracks(tracks))
    return sink.getvalue(), out.getvalue()


def _track(id_: int, seen: Sequence[Found]) -> Track:
    boxes = np.array([one.box for one in seen])
    feet = [(one.frame, (one.box[0] + one.box[2]) // 2, one.box[3]) for one in seen]
    low, high = boxes.min(axis=0).tolist(), boxes.max(axis=0).tolist()
    best = max(seen, key=lambda one: one.score)
    return Track(
        id=id_,
        class_id=seen[0].class_id,
        first_frame=seen[0].frame,
        last_frame=seen[-1].frame,
        first_time=seen[0].frame,
        last_time=seen[-1].frame,
        frames=len(seen),
        best_score=best.score,
        best_frame=best.frame,
        best_time=best.frame,
        best_box=best.box,
        hull=(low[0], low[1], high[2], high[3]),
        path=np.array(feet, np.int64),
        path_time=np.array([one.frame for one in seen], np.int64),
    )

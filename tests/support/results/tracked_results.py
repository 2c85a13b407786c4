"""Results with tracks, in files as the service stores them."""

import io
from collections.abc import Sequence

import numpy as np

from contracts.results import result_file, tracks_file
from contracts.results.codec import Block
from contracts.results.filed_frames import FiledFrames
from contracts.results.result_file import ResultFile
from contracts.results.tracks import Integers, Track, TrackerParameters, of_tracks
from contracts.results.tracks_file import TracksFile, TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA, ResultHeader
from tests.support.results.example_results import block, header

# Number, time, and objects as (class, score in 1/10000, track, 0 for none).
Frame = tuple[int, int, Sequence[tuple[int, int, int]]]
DEFAULTS = TrackerParameters()


def tracked(frames: Sequence[Frame], head: ResultHeader | None = None, *, live: bool = False) -> FiledFrames:
    """The frames of an ended job with tracks, as of `files`."""
    results, tracks = files(frames, head, live=live)
    return FiledFrames(ResultFile(io.BytesIO(results)), TracksFile(io.BytesIO(tracks)))


def files(
    frames: Sequence[Frame],
    head: ResultHeader | None = None,
    parameters: TrackerParameters = DEFAULTS,
    *,
    live: bool = False,
) -> tuple[bytes, bytes]:
    """A result file and its tracks file. The numbers of tracks must be 1, 2, ... in the order of first frames. live:
    those that a stream's recording has, which are any."""
    whole = block([(number, time, [item[:2] for item in objects]) for number, time, objects in frames])
    ids = np.array([item[2] for _, _, objects in frames for item in objects], np.int64)
    results = io.BytesIO()
    result_file.write(results, head or header(), [whole])
    file = ResultFile(results)
    lengths = [len(file.block(position).score) for position in range(len(file.starts))]
    numbers = [encode_numbers(part) for part in np.split(ids, np.cumsum(lengths)[:-1])]
    known = np.unique(ids[ids > 0]) if live else np.arange(1, ids.max(initial=0) + 1)
    made_by = TracksHeader(SCHEMA, "test", 1, parameters, "0" * 64, live=live)
    tracks = io.BytesIO()
    tracks_file.write(tracks, made_by, numbers, known, of_tracks(_track(whole, ids, one) for one in known.tolist()))
    return results.getvalue(), tracks.getvalue()


def _track(whole: Block, ids: Integers, number: int) -> Track:
    own = np.flatnonzero(ids == number)
    frame, time = np.repeat(whole.frame, whole.count)[own], np.repeat(whole.time, whole.count)[own]
    box, score = whole.box[own].astype(np.int64), whole.score[own]
    best = int(score.argmax())
    foot = np.stack([frame, box[:, [0, 2]].sum(axis=1) // 2, box[:, 3]], axis=1)[[0, -1][: len(own)]]
    return Track(
        number,
        int(np.bincount(whole.class_id[own], weights=score).argmax()),
        *(int(frame[0]), int(frame[-1]), int(time[0]), int(time[-1]), len(own)),
        *(int(score[best]), int(frame[best]), int(time[best]), tuple(box[best].tolist())),
        (*box[:, :2].min(axis=0).tolist(), *box[:, 2:].max(axis=0).tolist()),
        foot,
        time[[0, -1][: len(own)]],
    )

"""Integrity check of a job's tracks: its file belongs to the result, and each detection to a track that is there."""

from typing import BinaryIO

import numpy as np

from contracts.database.tables import Job
from contracts.errors import CorruptData, NotFound
from contracts.results.result_file import ResultFile
from contracts.results.tracks import TracksState, TracksStep
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import Storage, result_key, tracks_key
from contracts.wire.messages import from_json


def tracks_problems(storage: Storage, job: Job, digest: str) -> list[str]:
    """What is wrong with the tracks of a job, nothing where it says that there are none. digest: SHA-256 of its result
    file. Raises StorageUnavailable, and CorruptData for a damaged result file."""
    state = from_json(job.tracks, TracksState) if job.tracks else None
    if state is None or state.state is not TracksStep.READY:
        return []
    try:
        with storage.open(tracks_key(job.video_id, job.id)) as source:
            file = TracksFile(source)
            if file.header.result != digest:
                return ["the tracks belong to another result: track the job again"]
            if len(file) != state.tracks:
                return [f"there are {len(file)} tracks, but the database says {state.tracks}"]
            with storage.open(result_key(job.video_id, job.id)) as detections:
                return _counts(file, detections)
    except NotFound:
        return ["the tracks file is missing: track the job again"]
    except CorruptData as error:
        return [f"the tracks file cannot be read: {error.detail}"]


def _counts(file: TracksFile, source: BinaryIO) -> list[str]:
    result = ResultFile(source)
    tracks = file.tracks()
    found = np.zeros(len(tracks), np.int64)
    for position in range(len(result.starts)):
        ids = file.ids(position)
        if len(ids) != len(result.block(position, masks=False).score):
            return [f"the tracks do not fit the detections of the block at frame {result.starts[position]}"]
        found += np.bincount(tracks.places(ids[ids > 0]), minlength=len(found))
    wrong = np.flatnonzero(found != tracks.frames)
    if file.blocks != len(result.starts):
        return ["the tracks have more blocks than the result"]
    return [f"{len(wrong)} tracks do not have the detections that they count"] if len(wrong) else []

"""Sources of a job's frames: the result store, or the result file, with the job's tracks."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Protocol

from api.results.track_state import GONE, has_tracks, require_tracks
from contracts.database.tables import Job
from contracts.errors import NotFound, TracksMissing
from contracts.results import chunk_codec
from contracts.results.codec import EMPTY, Block
from contracts.results.filed_frames import FiledFrames
from contracts.results.port import ResultStore
from contracts.results.result_file import ResultFile
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import Storage, result_key, tracks_key
from contracts.wire.job_states import TERMINAL
from contracts.wire.messages import Layout, ResultHeader


class Frames(Protocol):
    """The frames of a result in segments."""

    @property
    def header(self) -> ResultHeader:
        """The header of the result."""

    @property
    def tracks(self) -> TracksFile | None:
        """The job's tracks, to which the segments say what belongs; None without tracks."""

    @property
    def starts(self) -> Sequence[int]:
        """The number of the first frame of each segment."""

    @property
    def finished(self) -> int:
        """Length of the finished prefix, in segments. A running job may have finished later ones too."""

    def segment(self, position: int, masks: bool = True) -> Block | None:
        """The frames of a segment, optionally without masks; None when a running job has not finished it yet."""

    def close(self) -> None:
        """Close open files."""


class StoredChunks:
    """Frames of a job from the chunks in the result store, without tracks."""

    tracks: TracksFile | None = None

    def __init__(self, store: ResultStore, job_id: str, layout: Layout) -> None:
        self.header = layout.header
        self.starts = layout.starts
        self._store = store
        self._job_id = job_id

    @property
    def finished(self) -> int:
        there = self._store.chunk_indexes(self._job_id)
        return next((position for position in range(len(self.starts)) if position not in there), len(self.starts))

    def segment(self, position: int, masks: bool = True) -> Block | None:
        data = self._store.get_chunk(self._job_id, position)
        if data is None:
            return None
        result = chunk_codec.decode(data, masks)
        return result if isinstance(result, Block) else EMPTY  # failed: nothing to wait for

    def close(self) -> None:
        """Do nothing."""


def open_frames(job: Job, store: ResultStore, storage: Storage) -> Frames | None:
    """The frames of a job: from the result store while it is at work, from its files when it has ended. None for a job
    without frames (yet)."""
    if job.state in TERMINAL:
        return _filed(job, storage)
    layout = store.get_layout(job.id)
    return StoredChunks(store, job.id, layout) if layout else None


@contextmanager
def open_tracked(job: Job, store: ResultStore, storage: Storage) -> Iterator[tuple[Frames, TracksFile]]:
    """The frames of a job with its tracks. Raises TracksMissing, with the reason."""
    require_tracks(job)
    frames = open_frames(job, store, storage)
    if frames is None:
        raise TracksMissing(GONE)
    with closing(frames):
        if frames.tracks is None:
            raise TracksMissing(GONE)
        yield frames, frames.tracks


def _filed(job: Job, storage: Storage) -> FiledFrames | None:
    try:
        file = ResultFile(storage.open(result_key(job.video_id, job.id)))
    except NotFound:
        return None
    try:
        return FiledFrames(file, _tracks(job, storage))
    except BaseException:
        file.close()
        raise


def _tracks(job: Job, storage: Storage) -> TracksFile | None:
    try:
        return TracksFile(storage.open(tracks_key(job.video_id, job.id))) if has_tracks(job) else None
    except NotFound:
        return None

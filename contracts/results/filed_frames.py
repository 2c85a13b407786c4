"""The frames of a job that has ended, from its files."""

from dataclasses import replace

from contracts.errors import CorruptData
from contracts.results.codec import Block
from contracts.results.result_file import ResultFile
from contracts.results.tracks_file import TracksFile

_MISFIT = "the job's tracks are of another result: make them again with POST /jobs/{job_id}/tracks"


class FiledFrames:
    """Frames of an ended job from its result file, with the tracks of its tracks file.

    Raises CorruptData where the two do not fit, here and from `segment`.
    """

    def __init__(self, file: ResultFile, tracks: TracksFile | None = None) -> None:
        if tracks is not None and tracks.blocks != len(file.starts):
            raise CorruptData(_MISFIT)
        self.header = file.header
        self.starts = file.starts
        self.tracks = tracks
        self._file = file

    @property
    def finished(self) -> int:
        return len(self.starts)

    def segment(self, position: int, masks: bool = True) -> Block | None:
        block = self._file.block(position, masks)
        if self.tracks is None:
            return block
        ids = self.tracks.ids(position)
        if len(ids) != len(block.score):
            raise CorruptData(_MISFIT)
        return replace(block, track=ids)

    def close(self) -> None:
        self._file.close()
        if self.tracks is not None:
            self.tracks.close()

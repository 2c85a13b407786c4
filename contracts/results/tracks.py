"""Tracks: an object through the frames of a job, and how far a job's tracks are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_ABOVE_MIN_SCORE = 0.05


class TrackerParameters(msgspec.Struct, frozen=True):
    """How detections are made tracks. The API's spec has the bounds.

    start_score: least score of a detection that begins a track, None for a little more than the job's min_score, which
    fits every model. min_score: least score of one that continues it.
    lost_seconds: a track that was not seen for longer has ended. min_frames: tracks of fewer frames are left out.
    """

    start_score: float | None = None
    min_score: float = 0.1
    lost_seconds: float = 2.0
    min_frames: int = 3


def settled(parameters: TrackerParameters, job_min_score: float) -> TrackerParameters:
    """The parameters for a job, none of them left open. What follows from very low scores of a job lowers min_score."""
    if parameters.start_score is not None:
        return parameters
    start = min(round(job_min_score + _ABOVE_MIN_SCORE, 4), 1.0)
    return msgspec.structs.replace(parameters, start_score=start, min_score=min(parameters.min_score, start))


class TracksStep(StrEnum):
    """How far the tracks of a job are: they are to be made, they are there, or they cannot be made."""

    QUEUED = "queued"
    READY = "ready"
    FAILED = "failed"


class TracksState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The column `tracks` of a job. tracker: name and version, tracks: how many; of those that are there, which may be
    older than the state says. parameters: wanted, or used. error: code and detail, why they failed."""

    state: TracksStep
    parameters: TrackerParameters = TrackerParameters()
    tracker: str | UnsetType = UNSET
    tracks: int | UnsetType = UNSET
    error: dict[str, str] | UnsetType = UNSET


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """An object through the frames. id: 1 for the first one of a job, in the order of first frames; 0 means no track.
    Those of a stream's recording have the numbers that they got while it ran.

    class_id: the label that most of its detections have, weighted by score. Times are in the time base of the video.
    frames: in which it was found. best_score: in 1/10000, first at best_frame, with best_box. hull: the box around all
    its boxes. Boxes are x1, y1, x2, y2 in 1/100 px of the displayed frame. path [p, 3]: frame, x and y of the middle of
    the lower edge in 1/100 px, with the first and the last; at the frame of a point that was left out, the straight
    line between its neighbours is no farther away than 1 % of the frame's height. path_time [p].
    """

    id: int
    class_id: int
    first_frame: int
    last_frame: int
    first_time: int
    last_time: int
    frames: int
    best_score: int
    best_frame: int
    best_time: int
    best_box: tuple[int, int, int, int]
    hull: tuple[int, int, int, int]
    path: Integers
    path_time: Integers


@dataclass(frozen=True, eq=False)
class Tracks:
    """Many tracks as columns: those of Track [n], boxes [n, 4]; path_size [n] points of each in path [p, 3] and
    path_time [p]."""

    id: Integers
    class_id: Integers
    first_frame: Integers
    last_frame: Integers
    first_time: Integers
    last_time: Integers
    frames: Integers
    best_score: Integers
    best_frame: Integers
    best_time: Integers
    best_box: Integers
    hull: Integers
    path_size: Integers
    path: Integers
    path_time: Integers

    def __len__(self) -> int:
        return len(self.id)

    def __iter__(self) -> Iterator[Track]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Track:
        """The track at a place, from 0 on."""
        start, stop = self.path_starts[number : number + 2]
        values = {name: int(getattr(self, name)[number]) for name in _NUMBERS}
        boxes = {name: tuple(getattr(self, name)[number].tolist()) for name in _BOXES}
        return Track(**values, **boxes, path=self.path[start:stop], path_time=self.path_time[start:stop])  # type: ignore[arg-type]

    @cached_property
    def path_starts(self) -> Integers:
        """Where the path of each begins, and their total: [n + 1]."""
        return np.concatenate([[0], np.cumsum(self.path_size, dtype=np.int64)])

    def places(self, ids: NDArray[np.integer]) -> NDArray[np.intp]:
        """The places of the tracks with some ids, which there are, [m]."""
        if len(self) and self.id[-1] - self.id[0] == len(self) - 1:  # rising without a gap, as those of a job
            return np.asarray(ids - self.id[0], np.intp)
        return np.searchsorted(self.id, ids)

    def slice(self, start: int, stop: int) -> "Tracks":
        """The tracks from place start to stop, stop excluded."""
        points = slice(self.path_starts[start], self.path_starts[min(stop, len(self))])
        rows = {name: getattr(self, name)[start:stop] for name in _ROWS}
        return Tracks(**rows, **{name: getattr(self, name)[points] for name in POINTS})


_ROWS = tuple(field.name for field in fields(Tracks) if not field.name.startswith("path"))
_ROWS = (*_ROWS, "path_size")
POINTS = ("path", "path_time")
_BOXES = ("best_box", "hull")
_NUMBERS = tuple(name for name in _ROWS if name not in (*_BOXES, "path_size"))
_WIDTH = {"best_box": 4, "hull": 4, "path": 3}


def of_tracks(tracks: Iterable[Track]) -> Tracks:
    """The columns of some tracks."""
    rows = list(tracks)
    columns = {name: np.array([getattr(row, name) for row in rows], np.int64) for name in (*_NUMBERS, *_BOXES)}
    columns["path_size"] = np.array([len(row.path) for row in rows], np.int64)
    for name in POINTS:
        columns[name] = np.concatenate([np.zeros(shaped(name, 0), np.int64), *(getattr(row, name) for row in rows)])
    return Tracks(**{name: column.reshape(shaped(name, -1)) for name, column in columns.items()})


def taken(tracks: Tracks, places: Integers) -> Tracks:
    """The tracks at some places [n], in their order, with ids from 1 on."""
    rows = {name: getattr(tracks, name)[places] for name in _ROWS}
    rows["id"] = np.arange(1, len(places) + 1)
    sizes = rows["path_size"]
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    points = np.repeat(tracks.path_starts[places] - starts, sizes) + np.arange(sizes.sum())
    return Tracks(**rows, **{name: getattr(tracks, name)[points] for name in POINTS})


def concat(parts: Iterable[Tracks]) -> Tracks:
    """Concatenate columns of tracks."""
    found = [of_tracks(()), *parts]
    return Tracks(**{name: np.concatenate([getattr(part, name) for part in found]) for name in (*_ROWS, *POINTS)})


def shaped(name: str, rows: int) -> tuple[int, ...]:
    """The shape of a column of so many rows."""
    return (rows, _WIDTH[name]) if name in _WIDTH else (rows,)

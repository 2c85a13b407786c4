"""The tracks file: a job's tracks, and to which track each of its detections belongs, beside its result file.

Layout: see contracts.results.sections. Sections: a column of numbers for each block of the result file, then the tracks
in groups. Each track that begins gets a number; at the end those of too few frames are left out, and the others get ids
in the same order, or keep their numbers as ids. The blocks hold numbers, and the index says which numbers have an id.
The file holds no id of a row and no time of day: the same result, tracker and parameters give the same bytes.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.errors import CorruptData
from contracts.results import sections
from contracts.results.codec import decode_columns, encode_columns
from contracts.results.tracks import POINTS, Integers, Track, TrackerParameters, Tracks, concat, shaped
from contracts.wire.messages import Versioned, encode

MAGIC = b"WDTRACKS"
GROUP_TRACKS = 1024

_NUMBER = {"number": "<u4"}
_DTYPES = {
    "class_id": "<u2",
    "first_frame": "<i8",
    "last_frame": "<i8",
    "first_time": "<i8",
    "last_time": "<i8",
    "frames": "<u4",
    "best_score": "<u2",
    "best_frame": "<i8",
    "best_time": "<i8",
    "best_box": "<i4",
    "hull": "<i4",
    "path_size": "<u4",
    "path": "<i8",
    "path_time": "<i8",
}


class TracksHeader(Versioned, frozen=True, omit_defaults=True):
    """What made the tracks. tracker, version: their name. result: SHA-256 of the result file that they belong to.
    live: whether they were made while a stream ran: then their numbers are their ids, in all of its recordings.
    """

    tracker: str
    version: int
    parameters: TrackerParameters
    result: str
    live: bool = False

    def digest(self) -> str:
        """Of what made the tracks, and so of the tracks."""
        return hashlib.sha256(encode(self)).hexdigest()


class _Index(msgspec.Struct, frozen=True):
    """Where blocks and groups begin, and where the last one ends. numbers: of the tracks with an id, encoded."""

    header_size: int
    blocks: tuple[int, ...]
    groups: tuple[int, ...]
    numbers: bytes


# Of numbers that are not farther apart than this in the mean, a table is kept: it is searched many times as fast.
_GAPS = 100


def encode_numbers(numbers: NDArray[np.integer]) -> bytes:
    """A column of the numbers of tracks [d], 0 for none."""
    return encode_columns({"number": numbers}, _NUMBER)


def decode_numbers(data: bytes) -> Integers:
    """The numbers of `encode_numbers`. Raises CorruptData."""
    columns = decode_columns(data, _NUMBER)
    if "number" not in columns:
        raise CorruptData("the tracks file cannot be read: it has a block without numbers")
    return columns["number"].astype(np.int64)


def encode_tracks(tracks: Tracks) -> bytes:
    """Columns of tracks without their ids."""
    return encode_columns({name: getattr(tracks, name) for name in _DTYPES}, _DTYPES)


def decode_tracks(data: bytes, count: int) -> Tracks:
    """So many tracks of `encode_tracks`, with ids from 1 on. Raises CorruptData."""
    columns = decode_columns(data, _DTYPES)
    try:
        shapes = {name: columns[name].astype(np.int64).reshape(shaped(name, -1)) for name in _DTYPES}
        tracks = Tracks(id=np.arange(1, count + 1), **shapes)
    except (KeyError, ValueError) as error:
        raise CorruptData(f"the tracks cannot be read: {error}") from error
    points = tracks.path_starts[-1]
    if any(len(column) != (points if name in POINTS else count) for name, column in shapes.items()):
        raise CorruptData("the tracks cannot be read: their columns do not fit each other")
    return tracks


def write(sink: BinaryIO, header: TracksHeader, blocks: Iterable[bytes], numbers: Integers, tracks: Tracks) -> None:
    """Write a tracks file.

    blocks: of each block of the result file, the number of each detection's track as `encode_numbers`. numbers [n]: of
    the tracks, rising.
    """
    writer = sections.Writer(sink, MAGIC, header)
    starts = [writer.offset]
    for block in blocks:
        writer.add(block)
        starts.append(writer.offset)
    groups = [writer.offset]
    for first in range(0, len(tracks), GROUP_TRACKS):
        writer.add(encode_tracks(tracks.slice(first, first + GROUP_TRACKS)))
        groups.append(writer.offset)
    writer.end(_Index(writer.header_size, tuple(starts), tuple(groups), encode_numbers(numbers)))


class TracksFile:
    """A tracks file opened for reading. Reads trailer, index and header first, the rest on demand. All raise
    CorruptData."""

    def __init__(self, source: BinaryIO) -> None:
        self._reader = sections.Reader(source, MAGIC, "tracks file")
        index = self._reader.index(_Index)
        self.header = self._reader.header(index.header_size, TracksHeader)
        self._blocks = tuple(pairwise(index.blocks))
        self._groups = tuple(pairwise(index.groups))
        self._numbers = decode_numbers(index.numbers)
        self._ids = self._numbers if self.header.live else np.arange(1, len(self._numbers) + 1)
        if bool(np.any(np.diff(self._numbers, prepend=0) <= 0)):
            raise CorruptData("the tracks file cannot be read: the numbers of its tracks do not rise")
        self._id_of = _ids_by_number(self._numbers, self._ids)
        if len(self._groups) != -(-len(self._numbers) // GROUP_TRACKS):
            raise CorruptData("the tracks file cannot be read: its index does not fit its tracks")

    def __len__(self) -> int:
        """How many tracks there are."""
        return len(self._numbers)

    @property
    def highest(self) -> int:
        """The highest id, 0 without tracks. More than there are tracks, where these were made while a stream ran."""
        return int(self._ids[-1]) if len(self) else 0

    @property
    def blocks(self) -> int:
        """Number of blocks, as in the result file."""
        return len(self._blocks)

    @property
    def groups(self) -> int:
        """Number of groups of GROUP_TRACKS tracks; the last one may have fewer."""
        return len(self._groups)

    def ids(self, position: int) -> NDArray[np.int32]:
        """The id of the track of each detection of the result file's block at a position, [d]; 0 for none."""
        if position >= len(self._blocks):
            raise CorruptData("the tracks file has fewer blocks than the result file: the job has to be tracked again")
        numbers = decode_numbers(self._reader.section(*self._blocks[position]))
        return self._id_of(numbers)

    def group(self, position: int) -> Tracks:
        """The tracks of the group at a position."""
        ids = self._ids[position * GROUP_TRACKS : (position + 1) * GROUP_TRACKS]
        return replace(decode_tracks(self._reader.section(*self._groups[position]), len(ids)), id=ids)

    def group_of(self, track: int) -> int:
        """The position of the group of the first track with that id, or a higher one; `groups` where there is none."""
        place = int(np.searchsorted(self._ids, track))
        return place // GROUP_TRACKS if place < len(self) else self.groups

    def find(self, track: int) -> Track | None:
        """The track with an id."""
        place = int(np.searchsorted(self._ids, track))
        if place == len(self) or self._ids[place] != track:
            return None
        return self.group(place // GROUP_TRACKS)[place % GROUP_TRACKS]

    def tracks(self) -> Tracks:
        """All tracks."""
        return concat(self.group(position) for position in range(self.groups))

    def close(self) -> None:
        """Close the source."""
        self._reader.close()


def _ids_by_number(numbers: Integers, ids: Integers) -> Callable[[Integers], NDArray[np.int32]]:
    """What gives the ids of numbers [d], 0 for those that are none of a track's. numbers, ids [n]: of the tracks."""
    least, most = (int(numbers[0]), int(numbers[-1])) if len(numbers) else (0, 0)
    if most - least > _GAPS * len(numbers):
        number_or_none, id_or_none = np.append(numbers, -1), np.append(ids, 0)

        def searched(asked: Integers) -> NDArray[np.int32]:
            places = np.searchsorted(numbers, asked)
            return np.where(number_or_none[places] == asked, id_or_none[places], 0).astype(np.int32)

        return searched
    # With a place on either side for the numbers beyond.
    table = np.zeros(most - least + 3, np.int32)
    table[numbers - least + 1] = ids
    return lambda asked: table.take(asked - (least - 1), mode="clip")

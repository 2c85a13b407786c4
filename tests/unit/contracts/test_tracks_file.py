"""The bytes of a tracks file."""

import io

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import CorruptData
from contracts.results import tracks_file
from contracts.results.tracks import Track, TrackerParameters, Tracks, of_tracks
from contracts.results.tracks_file import GROUP_TRACKS, TracksFile, TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA
from tests.unit.contracts.test_codec import check, damages

HEADER = TracksHeader(SCHEMA, "ours", 1, TrackerParameters(start_score=0.5), "0" * 64)
# Of four tracks, the one with number 2 was left out.
NUMBERS = np.array([1, 3, 7])
BLOCKS = [np.array([1, 2, 3, 0]), np.array([], int), np.array([7, 3])]


def example(number: int) -> Track:
    """A track with a path of up to three points."""
    path = np.arange(3 * (1 + number % 3)).reshape(-1, 3) + number
    box = (1, -2, 30_000_000, number)
    at = (number, number + 9, 10 * number, 10 * number + 90)
    return Track(number, 7, *at, 8, 9_000, number + 1, number * 10 + 10, box, box[::-1], path, path[:, 0] * 10)


def written(
    blocks: list[NDArray[np.int64]], numbers: NDArray[np.int64], tracks: Tracks, header: TracksHeader = HEADER
) -> bytes:
    sink = io.BytesIO()
    tracks_file.write(sink, header, [encode_numbers(block) for block in blocks], numbers, tracks)
    return sink.getvalue()


def rows(tracks: Tracks) -> list[tuple[object, ...]]:
    names = [name for name in Track.__slots__ if not name.startswith("path")]
    values = [tuple(getattr(track, name) for name in names) for track in tracks]
    paths = [(track.path.tolist(), track.path_time.tolist()) for track in tracks]
    return list(zip(values, paths, strict=True))


def content(data: bytes) -> object:
    opened = TracksFile(io.BytesIO(data))
    ids = [opened.ids(position).tolist() for position in range(opened.blocks)]
    return opened.header, ids, rows(opened.tracks())


def test_a_tracks_file_is_read_back_unchanged_and_counts_only_tracks_with_an_id() -> None:
    tracks = of_tracks(example(number) for number in (1, 2, 3))
    assert content(written(BLOCKS, NUMBERS, tracks)) == (HEADER, [[1, 0, 2, 0], [], [3, 2]], rows(tracks))


def test_tracks_that_were_made_live_keep_their_numbers_as_ids() -> None:
    live = msgspec.structs.replace(HEADER, live=True)
    tracks = of_tracks(example(int(number)) for number in NUMBERS)
    data = written(BLOCKS, NUMBERS, tracks, live)
    assert content(data) == (live, [[1, 0, 3, 0], [], [7, 3]], rows(tracks))
    opened = TracksFile(io.BytesIO(data))
    assert [track and track.id for track in map(opened.find, range(9))] == [None, 1, None, 3, None, None, None, 7, None]
    assert [opened.group_of(track) for track in (1, 2, 7, 8)] == [0, 0, 0, 1]
    assert b"live" not in written(BLOCKS, NUMBERS, tracks), "other files keep their bytes"


@pytest.mark.parametrize("count", [0, GROUP_TRACKS, GROUP_TRACKS + 1])
def test_many_tracks_are_read_in_groups(count: int) -> None:
    tracks = of_tracks(example(number) for number in range(1, count + 1))
    opened = TracksFile(io.BytesIO(written([], np.arange(1, count + 1), tracks)))
    assert rows(opened.tracks()) == rows(tracks)
    assert [len(opened.group(position)) for position in range(opened.groups)] == [
        min(GROUP_TRACKS, count - first) for first in range(0, count, GROUP_TRACKS)
    ]


def test_damage_of_a_tracks_file_is_detected_or_harmless() -> None:
    data = written(BLOCKS, NUMBERS, of_tracks(example(number) for number in (1, 2, 3)))
    good = content(data)
    for damaged in damages(data)[::5]:
        check(lambda part=damaged: content(part), good)
    for length in range(0, len(data), 3):
        with pytest.raises(CorruptData):
            content(data[:length])


def test_a_result_file_is_no_tracks_file() -> None:
    with pytest.raises(CorruptData, match="not a tracks file"):
        TracksFile(io.BytesIO(b"WDRESULT" + bytes(100) + b"WDRESULT"))


def test_columns_that_do_not_fit_are_refused() -> None:
    two = of_tracks(example(number) for number in (1, 2))
    with pytest.raises(CorruptData, match="columns do not fit"):
        TracksFile(io.BytesIO(written([], NUMBERS, two))).tracks()
    with pytest.raises(CorruptData, match="do not rise"):
        TracksFile(io.BytesIO(written([], np.array([2, 2]), two)))


def test_a_block_that_only_the_result_file_has_is_named() -> None:
    opened = TracksFile(io.BytesIO(written(BLOCKS, NUMBERS[:0], of_tracks(()))))
    with pytest.raises(CorruptData, match="fewer blocks than the result file"):
        opened.ids(len(BLOCKS))

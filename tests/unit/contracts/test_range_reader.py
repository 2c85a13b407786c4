"""The reader that is made of range reads, and the one that keeps a failed read in mind."""

import io
import random
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import NotFound, StorageUnavailable
from contracts.storage.range_reader import RangeReader, watched

MIB = 1024 * 1024
DATA = random.Random(3).randbytes(20 * MIB + 17)


class Ranges:
    """Serves ranges of some bytes and notes them."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> bytes:
        self.asked.append((start, stop))
        return self.data[start:stop]

    def reader(self, head: int = 0) -> RangeReader:
        return RangeReader(self, len(self.data), self.data[:head])


STEPS = st.tuples(st.sampled_from([0, 1, 2]), st.integers(-3 * MIB, 22 * MIB), st.integers(0, 6 * MIB))


@given(st.lists(STEPS, max_size=8), st.sampled_from([0, 5, 256 * 1024]))
def test_reader_behaves_like_a_file(steps: list[tuple[int, int, int]], head: int) -> None:
    one, other = io.BytesIO(DATA), Ranges().reader(head)
    for whence, offset, length in steps:
        base = [0, one.tell(), len(DATA)][whence]
        if base + offset >= 0:
            assert other.seek(offset, whence) == one.seek(offset, whence)
        assert other.read(length) == one.read(length)
        assert other.tell() == one.tell()


def test_seeking_before_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="before the start"):
        Ranges().reader().seek(-1)


def test_sequential_reads_use_fewer_and_larger_ranges() -> None:
    ranges = Ranges()
    reader = ranges.reader(256 * 1024)
    while reader.read(32 * 1024):
        pass
    sizes = [stop - start for start, stop in ranges.asked]
    assert sizes[:4] == [MIB, 2 * MIB, 4 * MIB, 4 * MIB]
    assert sum(sizes) == len(DATA) - 256 * 1024
    assert len(sizes) <= 8


def test_seek_fetches_a_small_range() -> None:
    ranges = Ranges()
    reader = ranges.reader(256 * 1024)
    for place in (10 * MIB, 10 * MIB + 500_000, 5 * MIB, 10 * MIB + 3, 100):
        reader.seek(place)
        assert reader.read(1000) == DATA[place : place + 1000]
    assert ranges.asked == [(10 * MIB, 11 * MIB), (5 * MIB, 6 * MIB)]


def test_alternating_reads_are_fetched_once() -> None:
    ranges = Ranges()
    reader = ranges.reader()
    for step in range(200):
        for place in (2 * MIB, 8 * MIB, 15 * MIB):
            reader.seek(place + step * 5000)
            assert len(reader.read(5000)) == 5000
    assert len(ranges.asked) == 3


def test_number_of_cached_windows_is_bounded() -> None:
    ranges = Ranges()
    reader = ranges.reader()
    for _ in range(2):
        for place in range(0, 20 * MIB, 2 * MIB):
            reader.seek(place)
            reader.read(1)
    assert len(ranges.asked) == 20


def test_short_range_is_an_error_and_not_the_end_of_file() -> None:
    reader = RangeReader(lambda start, stop: DATA[start : stop - 1], len(DATA))
    with pytest.raises(StorageUnavailable, match="bytes came"):
        reader.read(10)


class Failing(io.BytesIO):
    def __init__(self, error: Exception) -> None:
        super().__init__(b"abc")
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() == 3:
            raise self._error
        return super().read(size)


def swallow(source: BinaryIO) -> bytes:
    """A library that takes an error for the end."""
    found = b""
    try:
        while piece := source.read(2):
            found += piece
    except Exception:
        return found
    return found


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ConnectionResetError("the line broke"), StorageUnavailable, "the line broke"),
        (StorageUnavailable("busy"), StorageUnavailable, "busy"),
        (NotFound("gone"), NotFound, "gone"),
    ],
)
def test_swallowed_read_error_is_raised_at_the_end(error: Exception, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text), watched(Failing(error)) as reader:
        assert swallow(reader) == b"abc"


def refuse(source: BinaryIO) -> None:
    """A library that takes an error for damage."""
    swallow(source)
    raise ValueError("the file is damaged")


def refuse_nothing(source: BinaryIO) -> None:
    """A library that passes errors on."""
    while source.read(2):
        pass


def test_replaced_read_error_is_raised_as_the_original() -> None:
    with pytest.raises(StorageUnavailable, match="broke"), watched(Failing(OSError("the line broke"))) as reader:
        refuse(reader)


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ValueError, match="damaged"), watched(io.BytesIO(b"abc")) as reader:
        refuse(reader)
    with pytest.raises(RuntimeError, match="a bug"), watched(Failing(RuntimeError("a bug"))) as reader:
        refuse_nothing(reader)


def test_successful_read_is_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcdef")
    with path.open("rb") as source, watched(cast(BinaryIO, source)) as reader:
        assert (reader.seek(2), reader.read(2), reader.tell(), reader.read(), reader.read(1)) == (
            2,
            b"cd",
            4,
            b"ef",
            b"",
        )


def test_watched_seek_before_the_start_returns_minus_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        for source in (cast(BinaryIO, file), cast(BinaryIO, Ranges(b"0123456789").reader())):
            with watched(source) as reader:
                assert reader.read(2) == b"01"
                assert reader.seek(-40) == -1
                assert reader.read(2) == b"23"

"""What of a recording is whole, wherever it is cut short."""

import io

import pytest

from contracts.live.recordings import JPEG_MAGIC, JPEG_RECORD
from processor.recordings.fragments import Beginning, is_pictures, pictures, whole_size


def box(kind: bytes, content: bytes = b"", long: bool = False) -> bytes:
    if long:
        return (1).to_bytes(4) + kind + (16 + len(content)).to_bytes(8) + content
    return (8 + len(content)).to_bytes(4) + kind + content


INIT = box(b"ftyp", b"isom") + box(b"moov", b"m" * 50)
FRAGMENT = box(b"moof", b"f" * 30) + box(b"mdat", b"d" * 40)
LONG = box(b"moof", b"f" * 30) + box(b"mdat", b"d" * 40, long=True)


def test_a_fragment_that_is_cut_short_anywhere_does_not_count() -> None:
    whole = INIT + FRAGMENT + LONG
    for size in range(len(whole), len(whole) + len(FRAGMENT)):
        assert whole_size(io.BytesIO((whole + FRAGMENT)[:size])) == len(whole)
    assert whole_size(io.BytesIO(whole + FRAGMENT)) == len(whole + FRAGMENT)


@pytest.mark.parametrize("tail", [b"\0" * 8, b"\0\0\0\x07mdat", box(b"moof")])
def test_what_is_no_fragment_ends_the_recording(tail: bytes) -> None:
    assert whole_size(io.BytesIO(INIT + FRAGMENT + tail + b"\0" * 20)) == len(INIT + FRAGMENT)


def test_without_a_whole_fragment_there_is_nothing() -> None:
    assert whole_size(io.BytesIO(INIT)) == 0
    assert whole_size(io.BytesIO(b"")) == 0


def test_a_picture_that_is_cut_short_anywhere_does_not_count() -> None:
    records = [JPEG_RECORD.pack(pts, 10 + pts) + bytes(10 + pts) for pts in range(3)]
    content = JPEG_MAGIC + b"".join(records)
    assert is_pictures(io.BytesIO(content))
    assert [(pts, len(data)) for pts, data in pictures(io.BytesIO(content))] == [(0, 10), (1, 11), (2, 12)]
    for cut in range(1, len(records[-1]) + 1):
        assert [pts for pts, _ in pictures(io.BytesIO(content[:-cut]))] == [0, 1]


def test_a_beginning_reads_as_a_file_that_ends_there() -> None:
    part = Beginning(io.BytesIO(b"0123456789"), 6)
    assert part.read(4) == b"0123"
    assert part.read() == b"45"
    assert part.read(1) == b""
    assert part.seek(-2, 2) == 4
    assert part.read(9) == b"45"
    assert part.seek(1) == part.tell() == 1

"""EXIF data that is not as it should be."""

import struct

import pytest

from media.exif import orientation_tag


def jpeg(tiff: bytes) -> bytes:
    content = b"Exif\0\0" + tiff
    return b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xe1" + struct.pack(">H", len(content) + 2) + content + b"\xff\xda\0\x02"


def directory(order: str, *entries: tuple[int, int], start: int = 8) -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", start, len(entries))
    return head + b"".join(struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in entries)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_tag_is_found_in_either_order_of_bytes(order: str) -> None:
    assert orientation_tag(jpeg(directory(order, (0x010F, 1), (0x0112, 7)))) == 7


@pytest.mark.parametrize(
    "tiff",
    [
        b"",
        b"II*\0",
        directory("<"),
        directory("<", (0x0112, 0)),
        directory("<", (0x0112, 9)),
        directory("<", (0x0112, 5), start=2**32 - 1),
        directory("<", (0x010F, 1), (0x0112, 5))[:-5],
    ],
)
def test_what_makes_no_sense_is_no_orientation(tiff: bytes) -> None:
    assert orientation_tag(jpeg(tiff)) is None


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_picture_that_is_cut_short_has_none(cut: int) -> None:
    whole = jpeg(directory(">", (0x010F, 1), (0x0112, 5)))
    assert orientation_tag(whole[: min(cut, len(whole) - 10)]) is None
    assert orientation_tag(b"\x89PNG\r\n\x1a\n\0\0\0\x08eXIf"[:cut]) is None
    assert orientation_tag(b"RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\xff"[:cut]) is None

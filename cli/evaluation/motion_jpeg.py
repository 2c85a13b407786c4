"""JPEG pictures as a video, without encoding them anew: an AVI file (RIFF, Motion JPEG)."""

import struct
from collections.abc import Sequence
from pathlib import Path

from cli.evaluation.dataset import DatasetError

_MOST_BYTES = 2**30  # of such a file without an extension
_HAS_INDEX, _KEYFRAME = 0x10, 0x10


def write(path: Path, pictures: Sequence[Path], rate: float, width: int, height: int) -> None:
    """Write pictures as a video. rate: frames a second; width, height: of the pictures in pixels. Raises DatasetError
    for what is no JPEG, and for more than 1 GiB."""
    with path.open("wb") as sink:
        sink.write(bytes(len(_head(0, 0, 0, rate, width, height))))
        index, place = [], 4
        for picture in pictures:
            data = picture.read_bytes()
            if not data.startswith(b"\xff\xd8"):
                raise DatasetError(f"{picture} is no JPEG: tracks are measured over JPEGs, or over a video")
            index.append(struct.pack("<4sIII", b"00dc", _KEYFRAME, place, len(data)))
            place += sink.write(_chunk(b"00dc", data))
            if place > _MOST_BYTES:
                raise DatasetError(f"the pictures in {picture.parent} are more than 1 GiB: make a video of them")
        sink.write(_chunk(b"idx1", b"".join(index)))
        size = sink.tell()
        sink.seek(0)
        sink.write(_head(size, place, len(pictures), rate, width, height))


def _head(size: int, movie: int, frames: int, rate: float, width: int, height: int) -> bytes:
    """All before the first picture. size, movie: bytes of the file, and of the list of pictures."""
    ticks = round(1000 * rate)
    main = struct.pack("<14I", round(1e6 / rate), 0, 0, _HAS_INDEX, frames, 0, 1, 0, width, height, 0, 0, 0, 0)
    times = struct.pack("<4s4sIHHIIIIIIII4H", b"vids", b"MJPG", 0, 0, 0, 0, 1000, ticks, 0, frames, 0, 0, 0, 0, 0, 0, 0)
    form = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", 3 * width * height, 0, 0, 0, 0)
    stream = _list(b"strl", _chunk(b"strh", times) + _chunk(b"strf", form))
    lists = _list(b"hdrl", _chunk(b"avih", main) + stream)
    return (
        struct.pack("<4sI4s", b"RIFF", max(size - 8, 0), b"AVI ")
        + lists
        + struct.pack("<4sI4s", b"LIST", movie, b"movi")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", name, len(data)) + data + bytes(len(data) % 2)


def _list(name: bytes, data: bytes) -> bytes:
    return _chunk(b"LIST", name + data)

"""HEIC and AVIF photographs as cameras write them: in tiles, turned, with a thumbnail and EXIF data."""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Image8 = NDArray[np.uint8]

_CODECS = {"libx265": (b"heic", b"hvc1", b"hvcC"), "libsvtav1": (b"avif", b"av01", b"av1C")}
_PRIMARY = 1


def box(kind: bytes, *content: bytes) -> bytes:
    """A box with this content."""
    inside = b"".join(content)
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


def full(kind: bytes, version: int, *content: bytes) -> bytes:
    """A box with a version and no flags."""
    return box(kind, struct.pack(">I", version << 24), *content)


def turn(steps: int) -> bytes:
    """Turned by so many quarters, counter-clockwise."""
    return box(b"irot", bytes([steps]))


def mirror(axis: int) -> bytes:
    """Mirrored: 0 exchanges top and bottom, 1 left and right."""
    return box(b"imir", bytes([axis]))


def aperture(width: int, height: int, right: int = 0, down: int = 0) -> bytes:
    """The part that is shown, and by how much its centre is moved."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, down, 1))


@dataclass
class _Item:
    kind: bytes
    data: bytes
    properties: Sequence[bytes] = ()
    refers: dict[bytes, Sequence[int]] = field(default_factory=dict)


def tiled(
    picture: Image8,
    tile: int,
    *,
    codec: str = "libx265",
    pixels: str = "yuv420p",
    size: tuple[int, int] | None = None,
    changes: Sequence[bytes] = (),
    thumbnail: Image8 | None = None,
    lost: int = 0,
) -> bytes:
    """A picture (uint8 [height, width, 3], sides that are multiples of the tile's) in square tiles.

    size: (width, height) of what is shown of it. changes: properties that turn, mirror or cut it. lost: how many tiles,
    of the last ones, hold nothing.
    """
    brand, kind, configuration = _CODECS[codec]
    rows, columns = picture.shape[0] // tile, picture.shape[1] // tile
    parts = [
        picture[tile * row : tile * (row + 1), tile * column : tile * (column + 1)]
        for row in range(rows)
        for column in range(columns)
    ]
    coded = [_coded(part, codec, configuration, pixels) for part in parts]
    width, height = size or (picture.shape[1], picture.shape[0])
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    first = _PRIMARY + 1
    numbers = list(range(first, first + len(parts)))
    items = [_Item(b"grid", grid, [_extent(width, height), *changes], {b"dimg": numbers})]
    for position, (data, setup) in enumerate(coded):
        gone = position >= len(coded) - lost
        items.append(_Item(kind, bytes(len(data)) if gone else data, [setup, _extent(tile, tile)]))
    if thumbnail is not None:
        data, setup = _coded(thumbnail, codec, configuration)
        extent = _extent(thumbnail.shape[1], thumbnail.shape[0])
        items.append(_Item(kind, data, [setup, extent], {b"thmb": [_PRIMARY]}))
    return _file(brand, items)


def in_one_piece(picture: Image8, *, changes: Sequence[bytes] = (), exif: bytes = b"") -> bytes:
    """A picture that is coded as a whole."""
    data, setup = _coded(picture, "libx265", b"hvcC")
    items = [_Item(b"hvc1", data, [setup, _extent(picture.shape[1], picture.shape[0]), *changes])]
    if exif:
        items.append(_Item(b"Exif", bytes(4) + exif, [], {b"cdsc": [_PRIMARY]}))
    return _file(b"heic", items)


def _extent(width: int, height: int) -> bytes:
    return full(b"ispe", 0, struct.pack(">II", width, height))


def _coded(picture: Image8, codec: str, configuration: bytes, pixels: str = "yuv420p") -> tuple[bytes, bytes]:
    """The coded picture, and the box that a decoder is set up with."""
    sink = io.BytesIO()
    quiet = {"x265-params": "log-level=none:keyint=1:crf=4"} if codec == "libx265" else {"crf": "5", "preset": "12"}
    with av.open(sink, "w", format="mp4") as writer:
        stream: Any = writer.add_stream(codec, rate=1, options=quiet)
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], pixels
        stream.codec_context.thread_count = 1
        writer.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        writer.mux(stream.encode())
    content = sink.getvalue()
    with av.open(io.BytesIO(content), "r") as reader:
        data = bytes(next(reader.demux(video=0)))
    place = content.index(configuration) - 4
    return data, content[place : place + int.from_bytes(content[place : place + 4], "big")]


def _file(brand: bytes, items: Sequence[_Item]) -> bytes:
    """A file of items, numbered from 1 on; the first is the picture."""
    start = box(b"ftyp", brand, bytes(4), b"mif1", brand)
    meta_bytes = len(_meta(items, 0))
    return start + _meta(items, len(start) + meta_bytes + 8) + box(b"mdat", *(item.data for item in items))


def _meta(items: Sequence[_Item], data_start: int) -> bytes:
    places, infos, uses, references = [], [], [], []
    properties = list(dict.fromkeys(found for item in items for found in item.properties))
    assert len(properties) < 128, "their numbers do not fit"
    for number, item in enumerate(items, _PRIMARY):
        places.append(struct.pack(">HHHII", number, 0, 1, data_start, len(item.data)))
        data_start += len(item.data)
        infos.append(full(b"infe", 2, struct.pack(">HH4s", number, 0, item.kind), b"\0"))
        uses.append(struct.pack(">HB", number, len(item.properties)))
        uses.append(bytes(properties.index(found) + 1 for found in item.properties))
        for kind, others in item.refers.items():
            references.append(box(kind, struct.pack(f">HH{len(others)}H", number, len(others), *others)))
    return full(
        b"meta",
        0,
        full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
        full(b"pitm", 0, struct.pack(">H", _PRIMARY)),
        full(b"iloc", 0, b"\x44\0", struct.pack(">H", len(items)), *places),
        full(b"iinf", 0, struct.pack(">H", len(items)), *infos),
        full(b"iref", 0, *references),
        box(b"iprp", box(b"ipco", *properties), full(b"ipma", 0, struct.pack(">I", len(items)), *uses)),
    )

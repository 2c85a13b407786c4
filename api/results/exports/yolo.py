"""Ultralytics YOLO: a ZIP with a text file per frame. Pure except for reading segments."""

import re
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from api.results.exports.export import Export
from api.results.exports.zip_stream import ZipStream
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block
from contracts.wire.messages import ResultHeader

_UNPRINTABLE = re.compile("[\x7f-\x9f\ufeff\ufffe\uffff]")


def as_yolo(export: Export) -> Iterator[bytes]:
    """`data.yaml`, and for each frame with selected objects `labels/train/FRAME.txt` with a line per object: class,
    centre x and y, width, height, from 0 to 1. A job with tracks has `tracks/FRAME.txt` too, with score and track
    after these; an object without a track has no track there. Classes are counted without those that have no name."""
    header = export.frames.header
    names = [label for label in header.labels if label]
    archive = ZipStream()
    yield archive.add("data.yaml", _description(names))
    classes = np.cumsum([bool(label) for label in header.labels]) - 1
    for block in export.blocks():
        yield b"".join(_files(archive, block, classes, header, export.frames.tracks is not None))
    yield from archive.end()


def _files(
    archive: ZipStream, block: Block, classes: NDArray[np.int64], header: ResultHeader, with_tracks: bool
) -> Iterator[bytes]:
    lines = [
        f"{class_id} {x:.6f} {y:.6f} {width:.6f} {height:.6f}"
        for class_id, (x, y, width, height) in zip(
            classes[block.class_id].tolist(), _centred(block, header).tolist(), strict=True
        )
    ]
    ends = [
        f" {score:.4f} {track}" if track else f" {score:.4f}"
        for score, track in zip((block.score / SCORE_SCALE).tolist(), block.tracks.tolist(), strict=True)
    ]
    offsets = block.offsets().tolist()
    for frame, start, stop in zip(block.frame.tolist(), offsets, offsets[1:], strict=False):
        if start == stop:
            continue
        name = f"{frame:08d}.txt"
        yield archive.add(f"labels/train/{name}", _text(lines[start:stop]))
        if with_tracks:
            own = zip(lines[start:stop], ends[start:stop], strict=True)
            yield archive.add(f"tracks/{name}", _text([line + end for line, end in own]))


def _centred(block: Block, header: ResultHeader) -> NDArray[np.float64]:
    """Centre and size of each box from 0 to 1, [d, 4]."""
    size = BOX_SCALE * np.array([header.media.width, header.media.height])
    low, high = np.clip(block.box[:, :2] / size, 0, 1), np.clip(block.box[:, 2:] / size, 0, 1)
    return np.hstack([(low + high) / 2, high - low])


def _description(names: list[str]) -> bytes:
    """`data.yaml`; a text in JSON is one in YAML too, but for these characters, which YAML wants escaped."""
    texts = [_UNPRINTABLE.sub(_escaped, msgspec.json.encode(name).decode()) for name in names]
    listed = "".join(f"  {number}: {text}\n" for number, text in enumerate(texts))
    head = "# The pictures belong into images/train, named like the files in labels/train.\n"
    return f"{head}path: .\ntrain: images/train\nval: images/train\nnames:\n{listed}".encode()


def _escaped(found: "re.Match[str]") -> str:
    return f"\\u{ord(found[0]):04x}"


def _text(lines: list[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode()

"""Frames as in the results: NDJSON, and one JSON document. Pure except for reading segments."""

from collections.abc import Iterator

import msgspec

from api.results.exports.export import Export, info, separated
from api.results.paging import frame_lines


def as_lines(export: Export) -> Iterator[bytes]:
    """NDJSON: one line per frame, as in the results."""
    for block in export.blocks(masks=True):
        yield b"".join(line + b"\n" for line in frame_lines(block, export.frames.header))


def as_json(export: Export) -> Iterator[bytes]:
    """One JSON document: job, video, model, frames."""
    yield msgspec.json.encode(info(export))[:-1] + b',"frames":['
    yield from separated(frame_lines(block, export.frames.header) for block in export.blocks(masks=True))
    yield b"\n]}\n"

"""CSV: a row per object. Pure except for reading segments."""

from collections.abc import Iterator

import msgspec
import numpy as np
from msgspec import UNSET

from api.results.csv_rows import inert, quoted
from api.results.exports.export import Export
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, times_ms

CSV_HEAD = "frame,time_ms,label,class_id,score,x1,y1,x2,y2"
_encoder = msgspec.json.Encoder()


def as_csv(export: Export) -> Iterator[bytes]:
    """CSV (RFC 4180): one row per object. Labels are the only text; one that a spreadsheet would take for a formula
    gets an apostrophe in front. A job with tracks has the column `track`, empty for an object without one; a job that
    may fill in frames has `filled`, the last."""
    header = export.frames.header
    fills = header.plan.options.frames is not UNSET
    kinds = [f"{quoted(inert(label))},{class_id}," for class_id, label in enumerate(header.labels)]
    has_tracks = export.frames.tracks is not None
    yield f"{CSV_HEAD}{',track' * has_tracks}{',filled' * fills}\r\n".encode("utf-8-sig" if export.bom else "utf-8")
    for block in export.blocks():
        if not len(block.score):
            continue
        times = times_ms(block.time, header.time_base).tolist()
        heads = np.array([f"{frame},{time}," for frame, time in zip(block.frame.tolist(), times, strict=True)], object)
        scores = _encoder.encode((block.score / SCORE_SCALE).tolist()).decode()[1:-1].split(",")
        boxes = _encoder.encode((block.box / BOX_SCALE).tolist()).decode()[2:-2].split("],[")
        tails = np.where(block.is_filled, ",true\r\n", ",false\r\n") if fills else np.full(len(block), "\r\n")
        firsts, lasts = (np.repeat(column, block.count).tolist() for column in (heads, tails))
        tracks = [f",{track or ''}" for track in block.tracks.tolist()] if has_tracks else [""] * len(scores)
        columns = zip(firsts, block.class_id.tolist(), scores, boxes, tracks, lasts, strict=True)
        rows = (f"{first}{kinds[kind]}{score},{box}{track}{last}" for first, kind, score, box, track, last in columns)
        yield "".join(rows).encode()

"""Export formats: CSV, COCO, JSON, NDJSON. Pure except for reading segments.

Each format is written in parts, one segment at a time, so that a file of any length takes little memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from api.results.mask_area import areas
from api.results.paging import frame_lines, marks
from api.results.selection import Selection, walk
from api.results.sources import Frames
from contracts.database.tables import Job, Video
from contracts.errors import StoreUnavailable
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block, times_ms
from contracts.wire.messages import to_json

# Spreadsheets take a cell that begins with one of these for a formula, which may run programs or send data.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
CSV_HEAD = "frame,time_ms,label,class_id,score,x1,y1,x2,y2"
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: job, video, frames, and the selection.

    bom: whether CSV begins with a byte order mark, without which Excel does not read it as UTF-8.
    """

    job: Job
    video: Video
    frames: Frames
    selection: Selection
    bom: bool = False

    def every(self, masks: bool = False) -> Iterator[Block]:
        """All frames with all objects. Raises StoreUnavailable when they expire in the store meanwhile, because a
        truncated file would look complete."""
        for block in walk(self.frames, self.selection, masks):
            if block is None:
                raise StoreUnavailable("the results expired while they were read: try again")
            yield block

    def blocks(self, masks: bool = False) -> Iterator[Block]:
        """The frames with their selected objects, without frames that have none."""
        return (self.selection.apply(block) for block in self.every(masks))


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """An export format: its name and purpose in the web UI, file suffix, media type, writer."""

    title: str
    purpose: str
    suffix: str
    media_type: str
    write: Callable[[Export], Iterator[bytes]]


def as_lines(export: Export) -> Iterator[bytes]:
    """NDJSON: one line per frame, as in the results."""
    for block in export.blocks(masks=True):
        yield b"".join(line + b"\n" for line in frame_lines(block, export.frames.header))


def as_json(export: Export) -> Iterator[bytes]:
    """One JSON document: job, video, model, frames."""
    info = _encoder.encode(_info(export))
    yield info[:-1] + b',"frames":['
    comma = b"\n"
    for block in export.blocks(masks=True):
        if lines := frame_lines(block, export.frames.header):
            yield comma + b",\n".join(lines)
            comma = b",\n"
    yield b"\n]}\n"


def as_csv(export: Export) -> Iterator[bytes]:
    """CSV (RFC 4180): one row per object. Labels are the only text; one that a spreadsheet would take for a formula
    gets an apostrophe in front. A job that may fill in frames has one more column, the last."""
    header = export.frames.header
    fills = header.plan.options.frames is not UNSET
    kinds = [f"{_quoted(_inert(label))},{class_id}," for class_id, label in enumerate(header.labels)]
    yield f"{CSV_HEAD}{',filled' * fills}\r\n".encode("utf-8-sig" if export.bom else "utf-8")
    for block in export.blocks():
        if not len(block.score):
            continue
        times = times_ms(block.time, header.time_base).tolist()
        heads = np.array([f"{frame},{time}," for frame, time in zip(block.frame.tolist(), times, strict=True)], object)
        scores = _encoder.encode((block.score / SCORE_SCALE).tolist()).decode()[1:-1].split(",")
        boxes = _encoder.encode((block.box / BOX_SCALE).tolist()).decode()[2:-2].split("],[")
        tails = np.where(block.is_filled, ",true\r\n", ",false\r\n") if fills else np.full(len(block), "\r\n")
        firsts, lasts = (np.repeat(column, block.count).tolist() for column in (heads, tails))
        columns = zip(firsts, block.class_id.tolist(), scores, boxes, lasts, strict=True)
        yield "".join(f"{first}{kinds[kind]}{score},{box}{last}" for first, kind, score, box, last in columns).encode()


def as_coco(export: Export) -> Iterator[bytes]:
    """COCO format: an image per frame, also without objects, then the annotations. Reads the results twice instead of
    holding them in memory."""
    header = export.frames.header
    categories = [
        {"id": _category(class_id), "name": label, "supercategory": ""}
        for class_id, label in enumerate(header.labels)
        if label
    ]
    head = _encoder.encode({"info": _info(export), "licenses": [], "categories": categories})
    yield head[:-1] + b',"images":['
    yield from _separated(_images(block, export) for block in export.every())
    yield b'\n],"annotations":['
    yield from _separated(_annotations(export))
    yield b"\n]}\n"


def _separated(groups: Iterator[list[bytes]]) -> Iterator[bytes]:
    """The items of a JSON list, group by group."""
    comma = b"\n"
    for group in groups:
        if group:
            yield comma + b",\n".join(group)
            comma = b",\n"


def _images(block: Block, export: Export) -> list[bytes]:
    header = export.frames.header
    size = {"width": header.media.width, "height": header.media.height}
    times = times_ms(block.time, header.time_base).tolist()
    return [
        _encoder.encode({"id": frame, **size, "file_name": f"{frame:08d}.jpg", "frame": frame, "time_ms": time, **mark})
        for frame, time, mark in zip(block.frame.tolist(), times, marks(block), strict=True)
    ]


def _annotations(export: Export) -> Iterator[list[bytes]]:
    size = [export.frames.header.media.height, export.frames.header.media.width]
    number = 1  # COCO's evaluation treats annotation id 0 as no match
    for block in export.blocks(masks=True):
        corner, extent = block.box[:, :2].astype(np.int64), block.box[:, 2:].astype(np.int64) - block.box[:, :2]
        area = extent.prod(axis=1) / BOX_SCALE**2 if block.mask is None else areas(block.mask)
        columns = zip(
            np.repeat(block.frame, block.count).tolist(),
            block.class_id.tolist(),
            (np.hstack([corner, extent]) / BOX_SCALE).tolist(),
            area.tolist(),
            (block.score / SCORE_SCALE).tolist(),
            np.repeat(block.is_filled, block.count).tolist(),
            strict=True,
        )
        found: list[dict[str, Any]] = [
            {
                "id": i,
                "image_id": frame,
                "category_id": _category(class_id),
                "bbox": box,
                "area": covered,
                "iscrowd": 0,
                "segmentation": [],  # importers drop boxes without the field
                "score": score,
                **({"attributes": {"filled": True}} if filled else {}),  # where importers look for it
            }
            for i, (frame, class_id, box, covered, score, filled) in enumerate(columns, number)
        ]
        for annotation, counts in zip(found, () if block.mask is None else block.mask, strict=block.mask is not None):
            annotation["segmentation"] = {"size": size, "counts": counts.decode("ascii")}
        number += len(found)
        yield [_encoder.encode(annotation) for annotation in found]


def _category(class_id: int) -> int:
    """COCO's number of a class: from 1, as importers take category 0 for "no label"."""
    return class_id + 1


def _info(export: Export) -> dict[str, Any]:
    """What the frames are of: the same for the same job, whenever it is asked for."""
    job, video, header = export.job, export.video, export.frames.header
    plan = header.plan
    return {
        "job": {
            "id": job.id,
            "state": job.state,
            "complete": header.complete,
            "options": job.options,
            "error": job.error,
            "failed_ranges": job.failed_ranges,
            **({} if header.dropped is UNSET else {"dropped": to_json(header)["dropped"]}),
            "created_at": job.created_at,
            "finished_at": job.finished_at,
        },
        "video": {
            "id": video.id,
            "name": video.name,
            "recorded_at": video.recorded_at,
            "source": video.source,
            "tags": video.tags,
            "sha256": video.sha256,
            "media": to_json(header.media),
        },
        "model": {
            "id": plan.model,
            "digest": plan.model_digest,
            "engine": plan.engine,
            "precision": plan.precision,
            "provider": plan.provider,
            "labels": [label for label in header.labels if label],
        },
        "filter": to_json(export.selection.query),
    }


def _inert(text: str) -> str:
    """A text that no spreadsheet calculates."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _quoted(text: str) -> str:
    """A field of a CSV file."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


FORMATS = {
    "json": ExportFormat("JSON", "one document with job, video and all frames", "json", "application/json", as_json),
    "ndjson": ExportFormat("NDJSON", "one frame per line, for streaming", "ndjson", "application/x-ndjson", as_lines),
    "csv": ExportFormat(
        "CSV",
        "one detection per line, for spreadsheets",
        "csv",
        "text/csv; charset=utf-8; header=present",
        as_csv,
    ),
    "coco": ExportFormat(
        "COCO", "annotations for training and evaluation tools", "coco.json", "application/json", as_coco
    ),
}

"""COCO: an image per frame and an annotation per object. Pure except for reading segments."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from api.results.exports.export import Export, info, separated
from api.results.mask_area import areas
from api.results.paging import marks
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block, times_ms

_encoder = msgspec.json.Encoder()


def as_coco(export: Export) -> Iterator[bytes]:
    """COCO format: an image per frame, also without objects, then the annotations. Reads the results twice instead of
    holding them in memory."""
    header = export.frames.header
    categories = [
        {"id": _category(class_id), "name": label, "supercategory": ""}
        for class_id, label in enumerate(header.labels)
        if label
    ]
    head = _encoder.encode({"info": info(export), "licenses": [], "categories": categories})
    yield head[:-1] + b',"images":['
    yield from separated(_images(block, export) for block in export.every())
    yield b'\n],"annotations":['
    yield from separated(_annotations(export))
    yield b"\n]}\n"


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
            _attributes(block),
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
                **attributes,
            }
            for i, (frame, class_id, box, covered, score, attributes) in enumerate(columns, number)
        ]
        for annotation, counts in zip(found, () if block.mask is None else block.mask, strict=block.mask is not None):
            annotation["segmentation"] = {"size": size, "counts": counts.decode("ascii")}
        number += len(found)
        yield [_encoder.encode(annotation) for annotation in found]


def _attributes(block: Block) -> list[dict[str, Any]]:
    """`attributes` of each object, where importers look for more than COCO has: the number of its track, as CVAT names
    it, and whether its frame was filled in."""
    filled = np.repeat(block.is_filled, block.count).tolist()
    found = [
        ({"track_id": track} if track else {}) | ({"filled": True} if fills else {})
        for track, fills in zip(block.tracks.tolist(), filled, strict=True)
    ]
    return [{"attributes": attributes} if attributes else {} for attributes in found]


def _category(class_id: int) -> int:
    """COCO's number of a class: from 1, as importers take category 0 for "no label"."""
    return class_id + 1

"""The answer of Amazon Rekognition's GetLabelDetection, sorted by time. Pure except for reading segments."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
import numpy as np

from api.results.exports.export import Export, separated
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block, times_ms

_PERCENT = SCORE_SCALE / 100
_encoder = msgspec.json.Encoder()


def as_rekognition(export: Export) -> Iterator[bytes]:
    """One answer with everything: an element per frame and label, its objects as instances with boxes from 0 to 1. The
    format has no numbers of tracks."""
    head = _encoder.encode(_head(export))
    yield head[:-1] + b',"Labels":['
    yield from separated(_elements(block, export) for block in export.blocks())
    yield b"\n]}\n"


def _head(export: Export) -> dict[str, Any]:
    media, plan = export.frames.header.media, export.frames.header.plan
    missing = ", ".join(f"{one.first} to {one.last}" for one in export.frames.header.missing)
    return {
        "JobId": export.job.id,
        "JobStatus": "SUCCEEDED",
        **({"StatusMessage": f"these frames have no result: {missing}"} if missing else {}),
        "VideoMetadata": {
            "Codec": media.codec,
            "DurationMillis": round(media.duration_ms),
            "Format": media.container,
            "FrameRate": media.fps,
            "FrameHeight": media.height,
            "FrameWidth": media.width,
        },
        "LabelModelVersion": plan.model,
        "GetRequestMetadata": {"SortBy": "TIMESTAMP", "AggregateBy": "TIMESTAMPS"},
    }


def _elements(block: Block, export: Export) -> list[bytes]:
    header = export.frames.header
    times = np.rint(times_ms(block.time, header.time_base)).astype(np.int64)
    size = BOX_SCALE * np.array([header.media.width, header.media.height])
    corner, extent = block.box[:, :2], block.box[:, 2:].astype(np.int64) - block.box[:, :2]
    # By frame and label; the sort is stable, so that the best object of a label stays its first.
    order = np.lexsort((block.class_id, np.repeat(np.arange(len(block)), block.count)))
    columns = zip(
        np.repeat(block.frame, block.count)[order].tolist(),
        np.repeat(times, block.count)[order].tolist(),
        block.class_id[order].tolist(),
        (block.score[order] / _PERCENT).tolist(),
        np.round(np.hstack([extent / size, corner / size])[order], 6).tolist(),
        strict=True,
    )
    return [
        _encoder.encode({"Timestamp": time, "Label": _label(header.labels[class_id], list(objects))})
        for (_, time, class_id), objects in groupby(columns, key=lambda row: row[:3])
    ]


def _label(name: str, objects: list[Any]) -> dict[str, Any]:
    instances = [
        {"BoundingBox": dict(zip(("Width", "Height", "Left", "Top"), box, strict=True)), "Confidence": score}
        for *_, score, box in objects
    ]
    return {
        "Name": name,
        "Confidence": instances[0]["Confidence"],
        "Instances": instances,
        "Parents": [],
        "Aliases": [],
        "Categories": [],
    }

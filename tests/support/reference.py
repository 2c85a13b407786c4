"""What the service must find, computed the plain way: one loop, one frame after the other, the model
called synchronously in fp32, everything in numpy. Shares no code with the detector."""

from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from contracts.models.catalogue import bundled
from tests.support.deployments.service import ROOT

MODEL = bundled("nanodet-g")
STRIDES = (8, 16, 32)
NMS_IOU = 0.6
MOST = 100


@dataclass(frozen=True, slots=True)
class Found:
    class_id: int
    score: float
    box: tuple[float, float, float, float]


@cache
def sequential(
    path: Path,
    min_score: float,
    region: tuple[int, int, int, int] | None = None,
    class_ids: frozenset[int] | None = None,
    every_n: int = 1,
) -> list[tuple[float, list[Found]]]:
    """(time in ms, objects) of every n-th frame of a video, decoded from its start to its end.

    region: x1, y1, x2, y2 in pixels; all else is cut away before the model looks. class_ids: all
    other classes are left out, None for none of them.
    """
    compiled = _compiled()
    frames = []
    with av.open(str(path)) as container:
        for frame in islice(container.decode(video=0), None, None, every_n):
            time = 1000 * (frame.time or 0.0)
            x1, y1, x2, y2 = region or (0, 0, frame.width, frame.height)
            if region is not None:
                pixels: NDArray[np.uint8] = np.ascontiguousarray(frame.to_ndarray(format="bgr24")[y1:y2, x1:x2])
                frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            image = frame.to_ndarray(width=416, height=416, format="bgr24", interpolation="BILINEAR")
            normal = (image.astype(np.float32) - np.array(MODEL.mean, np.float32)) / np.array(MODEL.std, np.float32)
            outputs = compiled(normal.transpose(2, 0, 1)[None])
            scores, distances = (np.array(outputs[name][0]) for name in ("scores", "distances"))
            if class_ids is not None:
                scores[:, [number for number in range(scores.shape[1]) if number not in class_ids]] = 0
            inside = _decode(scores, distances, x2 - x1, y2 - y1, min_score)
            found = [replace(item, box=tuple(np.add(item.box, [x1, y1, x1, y1]))) for item in inside]
            frames.append((time, found))
    return frames


@cache
def _compiled() -> ov.CompiledModel:
    core = ov.Core()
    model = core.read_model(ROOT / "detector/models" / MODEL.file)
    model.reshape([1, 3, 416, 416])
    return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})


def _decode(scores: NDArray[Any], distances: NDArray[Any], width: int, height: int, min_score: float) -> list[Found]:
    cells = [((x + 0.5) * s, (y + 0.5) * s, s) for s in STRIDES for y in range(416 // s) for x in range(416 // s)]
    kept: list[Found] = []
    found, classes = np.nonzero(scores >= min_score)
    for place in np.argsort(-scores[found, classes], kind="stable"):
        if len(kept) == MOST:
            break
        cell, class_id = found[place], int(classes[place])
        x, y, stride = cells[cell]
        bins = np.exp(distances[cell].reshape(4, 11).astype(np.float64))
        left, top, right, bottom = (bins / bins.sum(1, keepdims=True)) @ np.arange(11) * stride
        edges = np.clip([x - left, y - top, x + right, y + bottom], 0, 416)
        box = tuple(edges * np.array([width, height, width, height]) / 416)
        if all(class_id != other.class_id or iou(box, other.box) <= NMS_IOU for other in kept):
            kept.append(Found(class_id, float(scores[cell, class_id]), box))
    return kept


def iou(a: Any, b: Any) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return float(width * height / (areas - width * height))

"""YOLOX, and YOLOv5 with the same outputs: boxes, objectness and classes in one array. Pure numpy."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector.heads.grid import cell_count, cells, fixed_size
from detector.heads.nms import Floats, Indices, candidates, corners, suppressed
from detector.tensors import Outputs, Shapes
from detector.view import View

MAX_IOU = 0.45
# Sizes are powers of e; the limit only prevents overflow and is larger than any image.
_MAX_LOGIT = 50


def shapes(model: Model) -> Shapes:
    """See detector.heads.Head. Decoded outputs may have any number of rows, such as several per cell."""
    count = None if model.head_options.decoded else cell_count(fixed_size(model))
    return {"output": (count, 5 + len(model.labels))}


def decode(
    outputs: Outputs, model: Model, view: View, min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    """See detector.heads.Head.

    outputs: `output` (cells, 5 + classes): centre x, centre y, width and height, then objectness and class scores, 0
    to 1. Boxes are in pixels of the input where head_options.decoded is set; otherwise centres are offsets from the
    cell's corner in strides, and sizes logarithms of strides. Cells are ordered as in heads.grid.
    """
    output = outputs["output"]
    cell, class_id, score = candidates(output[:, 5:] * output[:, 4:5], min_score, class_ids)
    raw = output[cell, :4]
    box = corners(raw) if model.head_options.decoded else _boxes(raw, cell, fixed_size(model))
    return suppressed(class_id, score, view.to_frame(box), model.head_options.max_iou or MAX_IOU)


def _boxes(raw: NDArray[np.float32], cell: Indices, input_size: tuple[int, int]) -> Floats:
    """Boxes (N, 4) of cells (N,) as x1, y1, x2, y2 in pixels of the input."""
    place, stride = (array[cell] for array in cells(input_size))
    centre = (raw[:, :2] + place) * stride[:, None]
    size = np.exp(np.minimum(raw[:, 2:].astype(np.float64), _MAX_LOGIT)) * stride[:, None]
    return corners(np.concatenate([centre, size], axis=1))

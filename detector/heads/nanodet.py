"""NanoDet: scores, and distances as distributions. Pure numpy."""

from collections.abc import Collection
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from contracts.catalogue import Model
from contracts.codec import Detections
from detector.base import Outputs, Shapes
from detector.heads.nms import Floats, Indices, candidates, suppressed
from detector.view import View

STRIDES = (8, 16, 32)
BINS = 11
MAX_IOU = 0.6


def shapes(model: Model) -> Shapes:
    """See detector.heads.Head."""
    cells = len(_grid(_input(model))[1])
    return {"scores": (cells, len(model.labels)), "distances": (cells, 4 * BINS)}


def decode(
    outputs: Outputs, model: Model, view: View, min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    """See detector.heads.Head.

    outputs: `scores` [cells, classes] 0 to 1, and `distances` [cells, 4 * 11], logits over 11 bins
    for the way from the cell's centre to the left, top, right and bottom side, in strides. Cells
    lie row by row, stride 8 first, then 16, then 32.
    """
    cell, class_id, score = candidates(outputs["scores"], min_score, class_ids)
    box = view.to_frame(_boxes(outputs["distances"], cell, _input(model)))
    return suppressed(class_id, score, box, model.head_options.max_iou or MAX_IOU)


def _boxes(distances: NDArray[np.float32], cell: Indices, input_size: tuple[int, int]) -> Floats:
    """Boxes [n, 4] of cells [n] as x1, y1, x2, y2 in pixels of the input."""
    centre, stride = _grid(input_size)
    logits = distances[cell].reshape(-1, 4, BINS).astype(np.float64)
    weight = np.exp(logits - logits.max(axis=2, keepdims=True))
    side = (weight @ np.arange(BINS)) / weight.sum(axis=2) * stride[cell, None]
    return np.concatenate([centre[cell] - side[:, :2], centre[cell] + side[:, 2:]], axis=1)


def _input(model: Model) -> tuple[int, int]:
    assert model.input_size is not None  # noqa: S101  (the head refuses such an entry)
    return model.input_size


@lru_cache(maxsize=8)
def _grid(input_size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Centres [cells, 2] as x, y in pixels of the input, and strides [cells]."""
    width, height = input_size
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]
        centres.append(np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1) * stride)
        strides.append(np.full(x.size, float(stride)))
    return np.concatenate(centres), np.concatenate(strides)

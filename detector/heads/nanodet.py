"""NanoDet: class scores, and distances to the box sides as distributions. Pure numpy."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector.heads.grid import cell_count, cells, fixed_size
from detector.heads.nms import Floats, Indices, candidates, suppressed
from detector.tensors import Outputs, Shapes
from detector.view import View

BINS = 11
MAX_IOU = 0.6


def shapes(model: Model) -> Shapes:
    """See detector.heads.Head."""
    count = cell_count(fixed_size(model))
    return {"scores": (count, len(model.labels)), "distances": (count, 4 * BINS)}


def decode(
    outputs: Outputs, model: Model, view: View, min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    """See detector.heads.Head.

    outputs: `scores` (cells, classes) 0 to 1, and `distances` (cells, 4 * 11), logits over 11 bins for the distance
    from the cell's centre to the left, top, right and bottom side, in strides. Cells are ordered as in heads.grid.
    """
    cell, class_id, score = candidates(outputs["scores"], min_score, class_ids)
    box = view.to_frame(_boxes(outputs["distances"], cell, fixed_size(model)))
    return suppressed(class_id, score, box, model.head_options.max_iou or MAX_IOU)


def _boxes(distances: NDArray[np.float32], cell: Indices, input_size: tuple[int, int]) -> Floats:
    """Boxes (N, 4) of cells (N,) as x1, y1, x2, y2 in pixels of the input."""
    place, stride = (array[cell] for array in cells(input_size))
    centre = (place + 0.5) * stride[:, None]
    logits = distances[cell].reshape(-1, 4, BINS).astype(np.float64)
    weight = np.exp(logits - logits.max(axis=2, keepdims=True))
    side = (weight @ np.arange(BINS)) / weight.sum(axis=2) * stride[:, None]
    return np.concatenate([centre - side[:, :2], centre + side[:, 2:]], axis=1)

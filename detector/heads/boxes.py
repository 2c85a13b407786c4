"""Final boxes: graphs that include their post-processing (SSD, D-FINE ...), and engines on PyTorch. Pure numpy."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.models.catalogue import HeadOptions, Model
from contracts.results.codec import Detections, mask_column
from detector.heads.nms import Floats, best, corners, nms
from detector.tensors import MASKS, Outputs, Shapes
from detector.view import View


def shapes(model: Model) -> Shapes:
    """See detector.heads.Head."""
    if model.head_options.joined:
        return {"output": (None, 6)}
    return {"boxes": (None, 4), "scores": (None,), "labels": (None,)}


def decode(
    outputs: Outputs, model: Model, view: View, min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    """See detector.heads.Head.

    outputs: `boxes` (N, 4) in the order and units of head_options, `scores` (N,) 0 to 1, and `labels` (N,), where
    head_options.first_label is the first of the model's labels; optionally `masks` (N,), encoded for the whole image as
    in detector.masks_rle. Rows with score 0 or a label that the model does not have or leaves empty are padding.
    Overlapping boxes are removed where head_options.max_iou is set. With head_options.joined: `output` (N, 6), a box,
    score and label in each row.
    """
    options = model.head_options
    if options.joined:
        rows = outputs["output"]
        outputs = {"boxes": rows[:, :4], "scores": rows[:, 4], "labels": rows[:, 5]}
    number = np.rint(outputs["labels"]).astype(np.intp) - options.first_label
    meant = np.isin(number, [place for place, label in enumerate(model.labels) if label])
    filled = np.flatnonzero(meant & (outputs["scores"] > 0))
    row, class_id, score = best(filled, number[filled], outputs["scores"][filled], min_score, class_ids)
    box = view.to_frame(_boxes(outputs["boxes"][row], options, view))
    kept = nms(box, class_id, options.max_iou) if options.max_iou else list(range(len(row)))
    texts: Any = outputs.get(MASKS)
    mask = None if texts is None else mask_column([texts[place] for place in row[kept]])
    return Detections(class_id[kept].astype(np.int64), score[kept], box[kept], mask)


def _boxes(raw: NDArray[np.float32], options: HeadOptions, view: View) -> Floats:
    """Boxes (N, 4) as x1, y1, x2, y2 in pixels of the image."""
    box = raw.astype(np.float64)
    if options.box == "cxcywh":
        box = corners(box)
    elif options.box == "yxyx":
        box = box[:, [1, 0, 3, 2]]
    if options.units == "unit":
        box = box * np.array([*view.canvas] * 2, np.float64)
    # A box with swapped corners becomes empty, not valid.
    return np.concatenate([box[:, :2], np.maximum(box[:, :2], box[:, 2:])], axis=1)

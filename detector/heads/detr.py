"""The family of DETR (RT-DETR, D-FINE, RF-DETR) without post-processing in the graph. Pure numpy."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector.heads.nms import MAX_DETECTIONS, Floats, candidates, corners
from detector.tensors import Outputs, Shapes
from detector.view import View


def shapes(model: Model) -> Shapes:
    """See detector.heads.Head. Softmax outputs have an additional last class, "no object"."""
    classes = len(model.labels) + (model.head_options.activation == "softmax")
    if model.head_options.joined:
        return {"output": (None, 4 + classes)}
    return {"logits": (None, classes), "boxes": (None, 4)}


def decode(
    outputs: Outputs, model: Model, view: View, min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    """See detector.heads.Head.

    outputs: `logits` (queries, classes), turned into scores by a sigmoid unless head_options.activation says
    otherwise, and `boxes` (queries, 4): centre x, centre y, width and height, 0 to 1 of the input. The model is
    trained to find each object once: no NMS. With head_options.joined: `output` (queries, 4 + classes), box and logits
    in each row.
    """
    if model.head_options.joined:
        rows = outputs["output"]
        outputs = {"boxes": rows[:, :4], "logits": rows[:, 4:]}
    scores = _scores(outputs["logits"], model.head_options.activation)
    query, class_id, score = candidates(scores, min_score, class_ids)
    kept = slice(MAX_DETECTIONS)
    box = corners(outputs["boxes"][query[kept]]) * np.array([*view.canvas] * 2, np.float64)
    return Detections(class_id[kept].astype(np.int64), score[kept], view.to_frame(box))


def _scores(logits: NDArray[np.float32], activation: str) -> Floats:
    """Scores (queries, classes), 0 to 1."""
    values = logits.astype(np.float64)
    if activation == "none":
        return values
    if activation == "softmax":
        weight = np.exp(values - values.max(axis=1, keepdims=True))
        shares: Floats = (weight / weight.sum(axis=1, keepdims=True))[:, :-1]
        return shares
    # Not below -700, where exp would overflow; the score is 0 long before.
    scores: Floats = 1 / (1 + np.exp(-np.maximum(values, -700)))
    return scores

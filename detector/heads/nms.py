"""Shared by most heads: candidate selection by score, and non-maximum suppression (NMS). Pure numpy."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.results.codec import Detections

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MAX_DETECTIONS = 100
# Most boxes compared by NMS, the best ones; only a min_score near 0 leaves more.
MAX_CANDIDATES = 1000


def candidates(
    scores: NDArray[Any], min_score: float, class_ids: Collection[int] | None
) -> tuple[Indices, Indices, Floats]:
    """Cell, class and score of all that reach min_score: see best.

    scores: (cells, classes), float32 or float64. class_ids: classes to keep, None for all.
    """
    flat = np.flatnonzero(scores >= scores.dtype.type(min_score))
    cell, class_id = np.divmod(flat, scores.shape[1])
    return best(cell, class_id, scores.ravel()[flat], min_score, class_ids)


def best(
    cell: Indices, class_id: Indices, score: NDArray[Any], min_score: float, class_ids: Collection[int] | None
) -> tuple[Indices, Indices, Floats]:
    """The candidates (N,) that reach min_score, best first; equal scores by class, then cell.

    At most MAX_CANDIDATES. class_ids: classes to keep, None for all.
    """
    score = score.astype(np.float64)
    # A comparison in float32 would round the threshold.
    wanted = score >= min_score
    if class_ids is not None:
        wanted &= np.isin(class_id, list(class_ids))
    if np.count_nonzero(wanted) > MAX_CANDIDATES:
        wanted &= score >= np.partition(score[wanted], -MAX_CANDIDATES)[-MAX_CANDIDATES]
    cell, class_id, score = cell[wanted], class_id[wanted], score[wanted]
    order = np.lexsort((cell, class_id, -score))[:MAX_CANDIDATES]
    return cell[order], class_id[order], score[order]


def suppressed(class_id: Indices, score: Floats, box: Floats, max_iou: float) -> Detections:
    """Detections of candidates, given best first, after NMS."""
    kept = nms(box, class_id, max_iou)
    return Detections(class_id[kept].astype(np.int64), score[kept], box[kept])


def nms(box: Floats, class_id: Indices, max_iou: float) -> list[int]:
    """Positions of the boxes (N, 4), given best first, that overlap no better box of their class by more than max_iou.

    Ascending, at most MAX_DETECTIONS. max_iou: 0 to 1.
    """
    kept: list[int] = []
    left = np.arange(len(box))
    while len(left) and len(kept) < MAX_DETECTIONS:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        left = left[~((class_id[left] == class_id[first]) & _overlapping(box[first], box[left], max_iou))]
    return kept


def corners(box: NDArray[Any]) -> Floats:
    """Convert boxes (N, 4) from centre x, y, width, height to x1, y1, x2, y2. Negative sizes become 0."""
    centre = box[:, :2].astype(np.float64)
    half = np.maximum(box[:, 2:].astype(np.float64), 0) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def common_and_union(one: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Intersection and union areas (N,) of a box (4,) with each of others (N, 4)."""
    x1, y1, x2, y2 = others.T
    common = np.maximum(0, np.minimum(x2, one[2]) - np.maximum(x1, one[0]))
    common *= np.maximum(0, np.minimum(y2, one[3]) - np.maximum(y1, one[1]))
    return common, (one[2] - one[0]) * (one[3] - one[1]) + (x2 - x1) * (y2 - y1) - common


def ious(one: Floats, others: Floats) -> Floats:
    """Intersection over union (N,) of a box (4,) with each of others (N, 4); 0 where the union is empty."""
    common, union = common_and_union(one, others)
    shares: Floats = np.divide(common, union, out=np.zeros(len(others)), where=union > 0)
    return shares


def _overlapping(one: Floats, others: Floats, max_iou: float) -> NDArray[np.bool_]:
    """Which of others (N, 4) have an IoU with a box (4,) above max_iou: (N,)."""
    common, union = common_and_union(one, others)
    over: NDArray[np.bool_] = common > max_iou * union
    return over

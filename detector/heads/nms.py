"""What most heads share: choosing candidates by score, and removing overlapping boxes. Pure numpy."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MAX_DETECTIONS = 100
# Boxes compared with each other; only a min_score near 0 leaves more. The best are taken.
MAX_CANDIDATES = 1000


def candidates(
    scores: NDArray[np.float32], min_score: float, class_ids: Collection[int] | None
) -> tuple[Indices, Indices, Floats]:
    """Cell, class and score of what reaches min_score, best first; of equal scores the lower class, then cell.

    scores: [cells, classes]. class_ids: classes to keep, None for all.
    """
    flat = np.flatnonzero(scores >= np.float32(min_score))
    cell, class_id = np.divmod(flat, scores.shape[1])
    score = scores.ravel()[flat].astype(np.float64)
    # The comparison above rounds the threshold to float32, maybe downwards.
    wanted = score >= min_score
    if class_ids is not None:
        wanted &= np.isin(class_id, list(class_ids))
    if np.count_nonzero(wanted) > MAX_CANDIDATES:
        wanted &= score >= np.partition(score[wanted], -MAX_CANDIDATES)[-MAX_CANDIDATES]
    cell, class_id, score = cell[wanted], class_id[wanted], score[wanted]
    order = np.lexsort((cell, class_id, -score))[:MAX_CANDIDATES]
    return cell[order], class_id[order], score[order]


def nms(box: Floats, class_id: Indices, max_iou: float) -> list[int]:
    """Which boxes [n, 4] stay, of those given best first: none overlaps a better one of its class
    by more than max_iou (0 to 1). Returns their positions, rising, at most MAX_DETECTIONS."""
    kept: list[int] = []
    left = np.arange(len(box))
    while len(left) and len(kept) < MAX_DETECTIONS:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        left = left[~((class_id[left] == class_id[best]) & _overlapping(box[best], box[left], max_iou))]
    return kept


def _overlapping(one: Floats, others: Floats, max_iou: float) -> NDArray[np.bool_]:
    """Which of the boxes [n, 4] have more than max_iou (0 to 1) in common with one [4]: [n]."""
    x1, y1, x2, y2 = others.T
    common = np.maximum(0, np.minimum(x2, one[2]) - np.maximum(x1, one[0]))
    common *= np.maximum(0, np.minimum(y2, one[3]) - np.maximum(y1, one[1]))
    total = (one[2] - one[0]) * (one[3] - one[1]) + (x2 - x1) * (y2 - y1) - common
    over: NDArray[np.bool_] = common > max_iou * total
    return over

"""What a model's outputs mean. Pure numpy: arrays in, detections out."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from contracts.catalogue import Model
from contracts.codec import Detections
from contracts.errors import ModelBroken
from detector.base import Outputs, Shapes

STRIDES = (8, 16, 32)
BINS = 11
MAX_IOU = 0.6
MAX_DETECTIONS = 100
# Boxes compared with each other; only a min_score near 0 leaves more. The best are taken.
MAX_CANDIDATES = 1000

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Decode = Callable[[Outputs, Model, tuple[int, int], float, Collection[int] | None], Detections]


@dataclass(frozen=True, slots=True)
class Head:
    """shapes: what the head reads. decode: see `nanodet`."""

    shapes: Callable[[Model], Shapes]
    decode: Decode


def nanodet(
    outputs: Outputs,
    model: Model,
    size: tuple[int, int],
    min_score: float,
    class_ids: Collection[int] | None = None,
) -> Detections:
    """Detections of one image, best score first; of equal scores the lower class, then cell, first.

    outputs: `scores` [cells, classes] 0 to 1, and `distances` [cells, 4 * 11], logits over 11 bins
    for the way from the cell's centre to the left, top, right and bottom side, in strides. Cells
    lie row by row, stride 8 first, then 16, then 32.
    size: (width, height) in pixels of the displayed frame, which boxes are scaled and clipped to.
    class_ids: classes to keep, None for all; the others are gone before they could displace any.
    """
    cell, class_id, score = _candidates(outputs["scores"], min_score, class_ids)
    box = _boxes(outputs["distances"], cell, model.input_size, size)
    kept = nms(box, class_id)
    return Detections(class_id[kept].astype(np.int64), score[kept], box[kept])


def _nanodet_shapes(model: Model) -> Shapes:
    cells = len(_grid(model.input_size)[1])
    return {"scores": (cells, len(model.labels)), "distances": (cells, 4 * BINS)}


def _candidates(
    scores: NDArray[np.float32], min_score: float, class_ids: Collection[int] | None
) -> tuple[Indices, Indices, Floats]:
    """Cell, class and score of what reaches min_score, in the order of the result."""
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


def _boxes(distances: NDArray[np.float32], cell: Indices, input_size: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Boxes [n, 4] of cells [n] as x1, y1, x2, y2 in pixels of a frame of `size`."""
    centre, stride = _grid(input_size)
    logits = distances[cell].reshape(-1, 4, BINS).astype(np.float64)
    weight = np.exp(logits - logits.max(axis=2, keepdims=True))
    side = (weight @ np.arange(BINS)) / weight.sum(axis=2) * stride[cell, None]
    corners = np.concatenate([centre[cell] - side[:, :2], centre[cell] + side[:, 2:]], axis=1)
    scale = np.array([size[0] / input_size[0], size[1] / input_size[1]] * 2)
    boxes: Floats = np.clip(corners * scale, 0, np.array([*size, *size], np.float64))
    return boxes


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


def nms(box: Floats, class_id: Indices) -> list[int]:
    """Which boxes [n, 4] stay, of those given best first: none overlaps a better one of its class
    by more than MAX_IOU. Returns their positions, rising, at most MAX_DETECTIONS."""
    kept: list[int] = []
    left = np.arange(len(box))
    while len(left) and len(kept) < MAX_DETECTIONS:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        left = left[~((class_id[left] == class_id[best]) & _overlapping(box[best], box[left]))]
    return kept


def _overlapping(one: Floats, others: Floats) -> NDArray[np.bool_]:
    """Which of the boxes [n, 4] have more than MAX_IOU in common with one [4]: [n]."""
    x1, y1, x2, y2 = others.T
    common = np.maximum(0, np.minimum(x2, one[2]) - np.maximum(x1, one[0]))
    common *= np.maximum(0, np.minimum(y2, one[3]) - np.maximum(y1, one[1]))
    total = (one[2] - one[0]) * (one[3] - one[1]) + (x2 - x1) * (y2 - y1) - common
    over: NDArray[np.bool_] = common > MAX_IOU * total
    return over


HEADS: dict[str, Head] = {"nanodet": Head(_nanodet_shapes, nanodet)}


def get(name: str) -> Head:
    """The head of that name. Raises ModelBroken with the list of the known ones."""
    try:
        return HEADS[name]
    except KeyError:
        raise ModelBroken(f"there is no head {name!r}; known are: {', '.join(HEADS)}") from None

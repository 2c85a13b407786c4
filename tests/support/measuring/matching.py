"""How far two results agree. Pure."""

import numpy as np
from numpy.typing import NDArray

from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block
from detector.heads.nms import ious

SURE = 0.4  # boxes that are looked at; the other side must have one that is as sure, about
LEAST_IOU = 0.5


def matched(reference: Block, other: Block, sure: float = SURE) -> float:
    """The share of the reference's boxes of that score or more that the other result has too: a box of the
    same frame and class, with that score or more, half of the two in common. 1.0 when there are none."""
    pairs, total = 0, 0
    for position in range(len(reference)):
        one, two = (_sure(block.slice(position, position + 1), sure) for block in (reference, other))
        total += len(one[0])
        pairs += _pairs(*one, *two)
    return pairs / total if total else 1.0


def score_difference(reference: Block, other: Block, sure: float = SURE) -> float:
    """The median difference of the best scores of each frame, where both are sure of one."""
    differences = []
    for position in range(len(reference)):
        best = [block.slice(position, position + 1).score for block in (reference, other)]
        if all(len(scores) and scores[0] >= sure * SCORE_SCALE for scores in best):
            differences.append(abs(int(best[0][0]) - int(best[1][0])) / SCORE_SCALE)
    return float(np.median(differences)) if differences else 0.0


def _sure(block: Block, sure: float) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    wanted = block.score >= sure * SCORE_SCALE
    return block.class_id[wanted], block.box[wanted] / BOX_SCALE


def _pairs(
    classes: NDArray[np.uint16], boxes: NDArray[np.float64], others: NDArray[np.uint16], their: NDArray[np.float64]
) -> int:
    """How many boxes have a partner, each partner taken once, in the order of score."""
    free = np.ones(len(others), bool)
    count = 0
    for class_id, box in zip(classes, boxes, strict=True):
        fitting = np.flatnonzero(free & (others == class_id))
        if not len(fitting):
            continue
        shares = ious(box, their[fitting])
        best = int(shares.argmax())
        if shares[best] >= LEAST_IOU:
            free[fitting[best]] = False
            count += 1
    return count

"""The boxes of one frame as whole numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Detections

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """What was found in one frame, best score first.

    class_id [n], score [n] in 1/10000, box [n, 4] as x1, y1, x2, y2 in 1/100 px. confident: so many of them, from the
    first on, reach the job's min_score; the others are known by association alone.
    """

    class_id: Integers
    score: Integers
    box: Integers
    confident: int

    def __len__(self) -> int:
        return len(self.score)

    @property
    def is_confident(self) -> NDArray[np.bool_]:
        """[n]."""
        return np.arange(len(self)) < self.confident

    @property
    def centre(self) -> Floats:
        """[n, 2] in 1/100 px."""
        centres: Floats = (self.box[:, :2] + self.box[:, 2:]) / 2
        return centres

    @property
    def size(self) -> Floats:
        """Width and height, [n, 2] in 1/100 px, at least 1."""
        sizes: Floats = np.maximum(self.box[:, 2:] - self.box[:, :2], 1).astype(np.float64)
        return sizes


def rounded(found: Detections, min_score: float) -> Boxes:
    """Detections as they are stored. min_score: of the confident ones."""
    return Boxes(
        found.class_id.astype(np.int64),
        np.rint(found.score * SCORE_SCALE).astype(np.int64),
        np.rint(found.box * BOX_SCALE).astype(np.int64).reshape(-1, 4),
        int(np.count_nonzero(found.score >= min_score)),
    )

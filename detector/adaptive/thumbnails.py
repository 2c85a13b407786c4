"""How much two pictures differ, by small ones of their brightness: whole numbers, equal on every machine."""

import numpy as np
from numpy.typing import NDArray

from detector.decode.thumbnails import CELLS, Thumbnail

# How much brighter or darker a cell is, besides the whole picture's change of light, and how many cells are no noise.
_CHANGE = 6
_CELLS = 2


def difference(one: Thumbnail, other: Thumbnail) -> int:
    """The sum of the differences of all cells."""
    return int(np.abs(one.astype(np.int16) - other).sum(dtype=np.int64))


def changed_cells(one: Thumbnail, other: Thumbnail) -> int:
    """How many cells have changed; 0 where so few have that nothing has."""
    ways = one.astype(np.int16) - other
    count = int(np.count_nonzero(np.abs(ways - _median(ways)) > _CHANGE))
    return count if count >= _CELLS else 0


def _median(ways: NDArray[np.int16]) -> int:
    """The median of numbers from -255 to 255: quicker by counting than by sorting."""
    counts = np.bincount(ways.ravel() + 255, minlength=511)
    return int(np.searchsorted(np.cumsum(counts), CELLS // 2, side="right")) - 255

"""The cells of models that look for an object at each place of a grid, at three scales. Pure numpy."""

from functools import lru_cache

import numpy as np

from contracts.models.catalogue import Model
from detector.heads.nms import Floats

STRIDES = (8, 16, 32)


@lru_cache(maxsize=8)
def cells(input_size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Column and row of each cell [cells, 2], and its stride [cells] in pixels of the input (width, height).

    Cells lie row by row, stride 8 first, then 16, then 32.
    """
    width, height = input_size
    places, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]
        places.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
        strides.append(np.full(x.size, float(stride)))
    return np.concatenate(places), np.concatenate(strides)


def cell_count(input_size: tuple[int, int]) -> int:
    """How many cells an input of that size (width, height) has."""
    return len(cells(input_size)[1])


def fixed_size(model: Model) -> tuple[int, int]:
    """The input size of a model that has one, as heads of cells demand (see detector.heads.Head)."""
    assert model.input_size is not None  # noqa: S101  (it was refused without)
    return model.input_size

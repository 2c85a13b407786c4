"""The grid cells of anchor-free models, at three scales. Pure numpy."""

from functools import lru_cache

import numpy as np

from contracts.models.catalogue import Model
from detector.heads.nms import Floats

STRIDES = (8, 16, 32)


@lru_cache(maxsize=8)
def cells(input_size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Column and row of each cell (cells, 2), and its stride (cells,) in pixels of the input (width, height).

    Row by row, stride 8 first, then 16, then 32.
    """
    width, height = input_size
    places, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]
        places.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
        strides.append(np.full(x.size, float(stride)))
    return np.concatenate(places), np.concatenate(strides)


def cell_count(input_size: tuple[int, int]) -> int:
    """Number of cells of an input of that size (width, height)."""
    return len(cells(input_size)[1])


def fixed_size(model: Model) -> tuple[int, int]:
    """The input size (width, height) of a model that has one, as Head.fixed_size ensures."""
    assert model.input_size is not None  # noqa: S101  (checked by heads.get)
    return model.input_size

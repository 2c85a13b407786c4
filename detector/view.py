"""How a frame is laid out in a model's input image, and the mapping of boxes back to the frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.models.catalogue import Model

Floats = NDArray[np.float64]
# Padding value in each channel that models with preserved aspect ratio were trained with.
GREY = 114


@dataclass(frozen=True, slots=True)
class View:
    """The layout of a frame in an image.

    size: (width, height) in pixels of the upright frame or crop. canvas: of the image. inner: of the scaled frame in
    the image. offset: (left, top) of the scaled frame in pixels of the image.
    """

    size: tuple[int, int]
    canvas: tuple[int, int]
    inner: tuple[int, int]
    offset: tuple[int, int] = (0, 0)

    def to_frame(self, box: Floats) -> Floats:
        """Map boxes (N, 4), x1, y1, x2, y2, from pixels of the image to pixels of the frame, clipped to it."""
        scale = np.array([self.size[0] / self.inner[0], self.size[1] / self.inner[1]] * 2)
        boxes: Floats = np.clip((box - np.array([*self.offset] * 2)) * scale, 0, np.array([*self.size] * 2, np.float64))
        return boxes


def whole(size: tuple[int, int]) -> View:
    """An unscaled frame of that size (width, height)."""
    return View(size, size, size)


def view(model: Model, size: tuple[int, int]) -> View:
    """The layout of frames of that size (width, height) in the model's images."""
    canvas = model.input_size
    if canvas is None:
        return whole(size)
    if model.fit == "stretch":
        return View(size, canvas, canvas)
    ratio = min(canvas[0] / size[0], canvas[1] / size[1])
    width, height = (max(1, min(edge, round(length * ratio))) for edge, length in zip(canvas, size, strict=True))
    if model.fit == "pad":
        return View(size, canvas, (width, height))
    return View(size, canvas, (width, height), ((canvas[0] - width) // 2, (canvas[1] - height) // 2))

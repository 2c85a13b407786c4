"""How an image for a model shows a frame, and the way back from its pixels to the frame's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.models.catalogue import Model

Floats = NDArray[np.float64]
# What models that keep the ratio were trained with around the picture, in each channel.
GREY = 114


@dataclass(frozen=True, slots=True)
class View:
    """A frame in an image.

    size: (width, height) in pixels of the frame (or of the part of it that is looked at), upright.
    canvas: those of the image. inner: those of the frame inside it. offset: (left, top) in pixels of the
    image where it begins.
    """

    size: tuple[int, int]
    canvas: tuple[int, int]
    inner: tuple[int, int]
    offset: tuple[int, int] = (0, 0)

    def to_frame(self, box: Floats) -> Floats:
        """Boxes [n, 4] as x1, y1, x2, y2 in pixels of the image, in pixels of the frame, clipped to it."""
        scale = np.array([self.size[0] / self.inner[0], self.size[1] / self.inner[1]] * 2)
        boxes: Floats = np.clip((box - np.array([*self.offset] * 2)) * scale, 0, np.array([*self.size] * 2, np.float64))
        return boxes


def whole(size: tuple[int, int]) -> View:
    """A frame of that size (width, height) as it is."""
    return View(size, size, size)


def view(model: Model, size: tuple[int, int]) -> View:
    """How the model's images show frames of that size (width, height)."""
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

"""How a frame is laid out in a model's input image, and the mapping of boxes back to the frame."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contracts.models.catalogue import Model

Floats = NDArray[np.float64]
Size = tuple[int, int]
Fit = Literal["stretch", "pad", "pad_centre"]
# Padding value in each channel that models with preserved aspect ratio were trained with.
GREY = 114


@dataclass(frozen=True, slots=True)
class View:
    """The layout of a frame in an image.

    size: (width, height) in pixels of the upright frame or crop. canvas: of the image. inner: of the scaled frame in
    the image. offset: (left, top) of the scaled frame in pixels of the image. fit: as in the model's entry.
    """

    size: Size
    canvas: Size
    inner: Size
    offset: Size = (0, 0)
    fit: Fit = "stretch"

    def showing(self, size: Size) -> "View":
        """The layout of a frame or crop of another size (width, height), as in a video whose frames change their size.

        Its boxes are mapped to pixels of this one's size.
        """
        if size == self.size or self.fit == "stretch":
            return self
        inner = _inner(self.canvas, size)
        return replace(self, inner=inner, offset=_offset(self.canvas, inner, self.fit))

    def to_frame(self, box: Floats) -> Floats:
        """Map boxes (N, 4), x1, y1, x2, y2, from pixels of the image to pixels of the frame, clipped to it."""
        scale = np.array([self.size[0] / self.inner[0], self.size[1] / self.inner[1]] * 2)
        boxes: Floats = np.clip((box - np.array([*self.offset] * 2)) * scale, 0, np.array([*self.size] * 2, np.float64))
        return boxes


def whole(size: Size) -> View:
    """An unscaled frame of that size (width, height)."""
    return View(size, size, size)


def view(model: Model, size: Size) -> View:
    """The layout of frames of that size (width, height) in the model's images."""
    canvas = model.input_size
    if canvas is None:
        return whole(size)
    if model.fit == "stretch":
        return View(size, canvas, canvas)
    inner = _inner(canvas, size)
    return View(size, canvas, inner, _offset(canvas, inner, model.fit), model.fit)


def _inner(canvas: Size, size: Size) -> Size:
    """The largest (width, height) in the canvas that keeps the size's ratio."""
    ratio = min(canvas[0] / size[0], canvas[1] / size[1])
    width, height = (max(1, min(edge, round(length * ratio))) for edge, length in zip(canvas, size, strict=True))
    return width, height


def _offset(canvas: Size, inner: Size, fit: Fit) -> Size:
    if fit == "pad":
        return (0, 0)
    return (canvas[0] - inner[0]) // 2, (canvas[1] - inner[1]) // 2

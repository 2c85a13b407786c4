"""Cutting pictures out of frames, and JPEGs of them. No IO."""

import cv2
import numpy as np

from contracts.errors import VideoRefused
from processor.renditions.picture import Plane

Box = tuple[float, float, float, float]

_QUALITY = 85

cv2.setNumThreads(1)  # other processes need the cores, and the sandbox is simpler with one thread


def cut_out(pixels: Plane, box: Box, margin: float = 0.0) -> Plane:
    """The part of a picture [height, width, 3] in a box (x1, y1, x2, y2 in pixels), with a part of its width and height
    around it on each side. Clipped to the picture, at least one pixel."""
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box
    across, down = margin * (x2 - x1), margin * (y2 - y1)
    left, top = int(np.clip(np.floor(x1 - across), 0, width - 1)), int(np.clip(np.floor(y1 - down), 0, height - 1))
    right, bottom = int(np.clip(np.ceil(x2 + across), 0, width)), int(np.clip(np.ceil(y2 + down), 0, height))
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]


def fitted_in(pixels: Plane, width: int, height: int) -> Plane:
    """The picture, made smaller where it is larger than width or height; of the same ratio."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small: Plane = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small


def jpeg(pixels: Plane) -> bytes:
    """A picture in red, green and blue, [height, width, 3], as a JPEG. Raises VideoRefused."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    good, data = cv2.imencode(".jpg", cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR), options)
    if not good:
        raise VideoRefused("a picture of it cannot be written")
    return bytes(data)

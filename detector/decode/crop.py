"""Cropping a region out of a frame before scaling, so that the model sees it at the highest resolution."""

import math
from dataclasses import replace

import numpy as np
from av.video.frame import VideoFrame

from contracts.results.codec import Detections, mask_column
from detector import masks_rle
from media.cropping import Area, Cut, stored
from media.orientation import Orientation

# Frames with subsampled chroma (4:2:0) can be cropped at even coordinates only.
_GRID = 2

Region = tuple[float, float, float, float] | None


def area(region: Region, width: int, height: int) -> Area:
    """A region (x1, y1, x2, y2 from 0 to 1) of a frame of width x height pixels, enlarged to even coordinates."""
    if region is None:
        return Area(0, 0, width, height)
    left, right = _edges(region[0], region[2], width)
    top, bottom = _edges(region[1], region[3], height)
    return Area(left, top, right - left, bottom - top)


def shown_area(region: Region, width: int, height: int, orientation: Orientation) -> Area:
    """A region of a stored frame of width x height pixels, as an area of the displayed frame."""
    return area(region, *orientation.size(width, height))


def shifted(detections: Detections, crop: Area, size: tuple[int, int]) -> Detections:
    """Detections in a crop as detections in the whole displayed frame, of size (width, height) in pixels."""
    box = detections.box + np.array([crop.left, crop.top] * 2, np.float64)
    if detections.mask is None:
        return replace(detections, box=box)
    texts = [masks_rle.placed(text, (crop.width, crop.height), crop.left, crop.top, size) for text in detections.mask]
    return replace(detections, box=box, mask=mask_column(texts))


class Cropper:
    """Crops the same region out of the frames of one stream, of whatever size each is, without copying pixels.

    region: x1, y1, x2, y2 from 0 to 1 of the displayed frame, None for all of it. orientation: how players turn it.
    """

    def __init__(self, region: Region, orientation: Orientation) -> None:
        self._region, self._orientation = region, orientation
        self._cut: Cut | None = None
        self._form: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The region as a frame of its own; the frame itself where the region is all of it."""
        place = self._area(frame)
        if (place.width, place.height) == (frame.width, frame.height):
            return frame
        form = (frame.width, frame.height, frame.format.name)
        if self._cut is None or form != self._form:
            self._cut, self._form = Cut(frame, place), form
        return self._cut(frame)

    def _area(self, frame: VideoFrame) -> Area:
        shown = shown_area(self._region, frame.width, frame.height, self._orientation)
        return stored(shown, *self._orientation.size(frame.width, frame.height), self._orientation)


def _edges(low: float, high: float, size: int) -> tuple[int, int]:
    start = math.floor(low * size / _GRID) * _GRID
    return start, min(size, math.ceil(high * size / _GRID) * _GRID)

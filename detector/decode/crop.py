"""Cutting a region out of a frame before it is scaled, so that the model sees it as large as it can."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from contracts.results.codec import Detections, mask_column
from detector import masks_rle

# Frames that store colour for two by two pixels can only be cut at even places.
_GRID = 2


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of whole pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


def area(region: tuple[float, float, float, float] | None, width: int, height: int) -> Area:
    """A region (x1, y1, x2, y2 from 0 to 1) of a frame (pixels) as whole pixels.

    It grows outwards to even places.
    """
    if region is None:
        return Area(0, 0, width, height)
    left, right = _edges(region[0], region[2], width)
    top, bottom = _edges(region[1], region[3], height)
    return Area(left, top, right - left, bottom - top)


def unturned(shown: Area, width: int, height: int, rotation: int) -> Area:
    """Where an area of the displayed frame (width, height) lies in the frame as it is stored.

    rotation: degrees clockwise that a player turns the stored frame by.
    """
    right, bottom = width - shown.left - shown.width, height - shown.top - shown.height
    match rotation % 360:
        case 90:
            return Area(shown.top, right, shown.height, shown.width)
        case 180:
            return Area(right, bottom, shown.width, shown.height)
        case 270:
            return Area(bottom, shown.left, shown.height, shown.width)
    return shown


def shifted(detections: Detections, place: Area, size: tuple[int, int]) -> Detections:
    """Detections of an area as detections of the whole displayed frame, of size (width, height)."""
    box = detections.box + np.array([place.left, place.top] * 2, np.float64)
    if detections.mask is None:
        return replace(detections, box=box)
    texts = [
        masks_rle.placed(text, (place.width, place.height), place.left, place.top, size) for text in detections.mask
    ]
    return replace(detections, box=box, mask=mask_column(texts))


class Crop:
    """Cuts the same area out of frames of one stream. The pixels are not copied."""

    def __init__(self, place: Area) -> None:
        self._place = place
        self._graph: Graph | None = None
        self._form: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame's area as a frame of its own; the whole frame as it is."""
        place = self._place
        if (place.width, place.height) == (frame.width, frame.height):
            return frame
        form = (frame.width, frame.height, frame.format.name)
        if self._graph is None or form != self._form:
            self._graph, self._form = self._built(frame), form
        self._graph.push(frame)
        cut = self._graph.pull()
        assert isinstance(cut, VideoFrame)  # noqa: S101  (what a video sink gives)
        return cut

    def _built(self, frame: VideoFrame) -> Graph:
        place = self._place
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
        )
        crop = graph.add("crop", f"{place.width}:{place.height}:{place.left}:{place.top}:exact=1")
        sink = graph.add("buffersink")
        source.link_to(crop)
        crop.link_to(sink)
        graph.configure()
        return graph


def _edges(low: float, high: float, size: int) -> tuple[int, int]:
    start = math.floor(low * size / _GRID) * _GRID
    return start, min(size, math.ceil(high * size / _GRID) * _GRID)

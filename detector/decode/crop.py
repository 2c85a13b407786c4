"""Cropping a region out of a frame before scaling, so that the model sees it at the highest resolution."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from contracts.results.codec import Detections, mask_column
from detector import masks_rle

# Frames with subsampled chroma (4:2:0) can be cropped at even coordinates only.
_GRID = 2


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of whole pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


def area(region: tuple[float, float, float, float] | None, width: int, height: int) -> Area:
    """A region (x1, y1, x2, y2 from 0 to 1) of a frame of width x height pixels, enlarged to even coordinates."""
    if region is None:
        return Area(0, 0, width, height)
    left, right = _edges(region[0], region[2], width)
    top, bottom = _edges(region[1], region[3], height)
    return Area(left, top, right - left, bottom - top)


def unrotated(shown: Area, width: int, height: int, rotation: int) -> Area:
    """The area of the stored frame that shows this area of the displayed frame (width, height in pixels).

    rotation: degrees clockwise by which players rotate the stored frame.
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


def shifted(detections: Detections, crop: Area, size: tuple[int, int]) -> Detections:
    """Detections in a crop as detections in the whole displayed frame, of size (width, height) in pixels."""
    box = detections.box + np.array([crop.left, crop.top] * 2, np.float64)
    if detections.mask is None:
        return replace(detections, box=box)
    texts = [masks_rle.placed(text, (crop.width, crop.height), crop.left, crop.top, size) for text in detections.mask]
    return replace(detections, box=box, mask=mask_column(texts))


class Cropper:
    """Crops the same area out of the frames of one stream, without copying pixels."""

    def __init__(self, area: Area) -> None:
        self._area = area
        self._graph: Graph | None = None
        self._form: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The area as a frame of its own; the frame itself where the area is all of it."""
        area = self._area
        if (area.width, area.height) == (frame.width, frame.height):
            return frame
        form = (frame.width, frame.height, frame.format.name)
        if self._graph is None or form != self._form:
            self._graph, self._form = self._built(frame), form
        self._graph.push(frame)
        cut = self._graph.pull()
        assert isinstance(cut, VideoFrame)  # noqa: S101  (what a video sink gives)
        return cut

    def _built(self, frame: VideoFrame) -> Graph:
        area = self._area
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
        )
        crop = graph.add("crop", f"{area.width}:{area.height}:{area.left}:{area.top}:exact=1")
        sink = graph.add("buffersink")
        source.link_to(crop)
        crop.link_to(sink)
        graph.configure()
        return graph


def _edges(low: float, high: float, size: int) -> tuple[int, int]:
    start = math.floor(low * size / _GRID) * _GRID
    return start, min(size, math.ceil(high * size / _GRID) * _GRID)

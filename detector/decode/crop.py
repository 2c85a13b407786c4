"""Cropping a region out of a frame before scaling, so that the model sees it at the highest resolution."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from contracts.results.codec import Detections, mask_column
from detector import masks_rle
from media.orientation import Orientation

# Frames with subsampled chroma (4:2:0) can be cropped at even coordinates only.
_GRID = 2

Region = tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of whole pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


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


def stored(shown: Area, width: int, height: int, orientation: Orientation) -> Area:
    """The area of the stored frame that shows this area of the displayed frame (width, height in pixels)."""
    place = _unrotated(shown, width, height, orientation.rotation)
    if not orientation.mirrored:
        return place
    stored_width, _ = orientation.size(width, height)
    return replace(place, left=stored_width - place.left - place.width)


def _unrotated(shown: Area, width: int, height: int, rotation: int) -> Area:
    right, bottom = width - shown.left - shown.width, height - shown.top - shown.height
    match rotation:
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
    """Crops the same region out of the frames of one stream, of whatever size each is, without copying pixels.

    region: x1, y1, x2, y2 from 0 to 1 of the displayed frame, None for all of it. orientation: how players turn it.
    """

    def __init__(self, region: Region, orientation: Orientation) -> None:
        self._region, self._orientation = region, orientation
        self._graph: Graph | None = None
        self._form: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The region as a frame of its own; the frame itself where the region is all of it."""
        place = self._area(frame)
        if (place.width, place.height) == (frame.width, frame.height):
            return frame
        form = (frame.width, frame.height, frame.format.name)
        if self._graph is None or form != self._form:
            self._graph, self._form = _built(frame, place), form
        self._graph.push(frame)
        cut = self._graph.pull()
        assert isinstance(cut, VideoFrame)  # noqa: S101  (what a video sink gives)
        return cut

    def _area(self, frame: VideoFrame) -> Area:
        shown = shown_area(self._region, frame.width, frame.height, self._orientation)
        return stored(shown, *self._orientation.size(frame.width, frame.height), self._orientation)


def _built(frame: VideoFrame, place: Area) -> Graph:
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

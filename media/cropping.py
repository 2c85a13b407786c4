"""Cutting areas out of decoded frames, without copying pixels."""

from dataclasses import dataclass, replace
from fractions import Fraction

from av.filter import Graph
from av.video.frame import VideoFrame

from media.orientation import Orientation


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of whole pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


class Cut:
    """Cuts one area out of frames that have the size and the format of the first."""

    def __init__(self, frame: VideoFrame, place: Area) -> None:
        """frame: the first. place: in pixels of the stored frame; where colour is stored for blocks of pixels, that of
        the block at its corner begins there."""
        graph = Graph()
        graph.threads = 1  # there is nothing to compute
        self._graph = graph
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
        )
        crop = graph.add("crop", f"{place.width}:{place.height}:{place.left}:{place.top}:exact=1")
        sink = graph.add("buffersink")
        source.link_to(crop)
        crop.link_to(sink)
        graph.configure()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The area as a frame of its own."""
        self._graph.push(frame)
        cut = self._graph.pull()
        assert isinstance(cut, VideoFrame)  # noqa: S101  (what a video sink gives)
        return cut


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

"""Frames of any size and colours as pixels of a standard display."""

from functools import lru_cache
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from media.colour import Colours
from media.tone_mapping import Primaries, ToneMapping, Transfer

Pixels = NDArray[np.uint8]
Size = tuple[int, int]

_FORMATS = {"BGR": "bgr24", "RGB": "rgb24"}
# From the limited range of one component to the full one.
_EXPANDED = np.clip(np.round((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


class Scaler:
    """Scales frames of one stream. interpolation: how swscale does it."""

    def __init__(self, interpolation: Interpolation) -> None:
        self._interpolation = interpolation
        # Kept, since they hold scaling tables.
        self._scale, self._encode = VideoReformatter(), VideoReformatter()

    def pixels(self, frame: VideoFrame, colours: Colours, size: Size, channels: str) -> Pixels:
        """uint8 (H, W, 3) of a size (width, height), in the order of channels, "BGR" or "RGB".

        colours: of the frame, or of the frame that it is a part of.
        """
        if colours.transfer is None:
            scaled: Any = self._scaled(frame, colours, size, _FORMATS[channels]).to_ndarray()
            pixels: Pixels = _EXPANDED[scaled] if colours.limited_grey else scaled
            return pixels
        # Scaled first, since there is less to map then.
        shown = _mapping(colours.transfer, colours.primaries)
        mapped = shown(_codes(self._scaled(frame, colours, size, "gbrp12le")))
        return mapped if channels == "RGB" else mapped[..., ::-1]

    def planes(self, frame: VideoFrame, colours: Colours, size: Size, matrix: Colorspace) -> VideoFrame:
        """A frame in yuv420p of a size (width, height), in the limited range, coded with a matrix."""
        if colours == Colours(matrix):
            return self._coded(self._scale, frame, size, matrix)
        # swscale alone would change no matrix between such formats.
        shown = VideoFrame.from_ndarray(np.ascontiguousarray(self.pixels(frame, colours, size, "RGB")), "rgb24")
        return self._coded(self._encode, shown, size, matrix)

    def _scaled(self, frame: VideoFrame, colours: Colours, size: Size, name: str) -> VideoFrame:
        return self._scale.reformat(
            frame,
            *size,
            name,
            src_colorspace=colours.matrix,
            dst_colorspace=colours.matrix,
            interpolation=self._interpolation,
            threads=1,
        )

    def _coded(self, reformatter: VideoReformatter, frame: VideoFrame, size: Size, matrix: Colorspace) -> VideoFrame:
        return reformatter.reformat(
            frame,
            *size,
            "yuv420p",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            dst_color_range=ColorRange.MPEG,
            interpolation=self._interpolation,
            threads=1,
        )


@lru_cache
def _mapping(transfer: Transfer, primaries: Primaries) -> ToneMapping:
    return ToneMapping(transfer, primaries)


def _codes(frame: VideoFrame) -> NDArray[np.uint16]:
    """uint16 (3, H, W), red, green and blue, of a frame in gbrp12le."""
    green, blue, red = (
        np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)[:, : plane.width]
        for plane in frame.planes
    )
    return np.stack((red, green, blue))

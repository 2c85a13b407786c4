"""A frame upright and small enough to be looked at: planes of brightness and colour that can be drawn on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

_LIMITED = 1  # the range of brightness: 16 to 235
# FFmpeg's numbers of the matrices (AVCOL_SPC), by our names of them.
MATRICES = {"601": 6, "709": 1, "2020": 9}
_KNOWN = {1: "709", 5: "601", 6: "601", 9: "2020", 10: "2020"}
_SCALER = {"601": Colorspace.ITU601, "709": Colorspace.ITU709, "2020": Colorspace.BT2020}


@dataclass(frozen=True, slots=True)
class Picture:
    """y uint8 [height, width], u and v uint8 [height / 2, width / 2], limited range; width and height are even.

    matrix: "601", "709" or "2020", which leads from them to red, green and blue.
    """

    y: Plane
    u: Plane
    v: Plane
    matrix: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        return self.y.shape[1], self.y.shape[0]

    def to_frame(self) -> VideoFrame:
        """The same as a frame in yuv420p, without a time."""
        width, height = self.size
        flat = np.concatenate([plane.ravel() for plane in (self.y, self.u, self.v)])
        return VideoFrame.from_ndarray(flat.reshape(height * 3 // 2, width), format="yuv420p")


@dataclass(frozen=True, slots=True)
class ToPicture:
    """Frames of one stream as pictures: turned as a player turns them, in a box of `most` pixels, never enlarged.

    rotation: degrees clockwise that a player turns the frame by: 0, 90, 180 or 270.
    """

    rotation: int
    most: int
    # Keeps its tables from frame to frame.
    _reformatter: VideoReformatter = field(default_factory=VideoReformatter)

    def __call__(self, frame: VideoFrame) -> Picture:
        """The frame as a picture of its own."""
        matrix = matrix_of(frame)
        width, height = fitted(frame.width, frame.height, self.most)
        small = self._scaled(frame, width, height, "yuv420p", matrix)
        flat: Any = small.to_ndarray().ravel()
        quarter = width * height // 4
        parts = (
            flat[: 4 * quarter].reshape(height, width),
            flat[4 * quarter : 5 * quarter].reshape(height // 2, width // 2),
            flat[5 * quarter :].reshape(height // 2, width // 2),
        )
        y, u, v = (np.ascontiguousarray(np.rot90(part, -self.rotation // 90)) for part in parts)
        return Picture(y, u, v, matrix)

    def rgb(self, frame: VideoFrame) -> Plane:
        """The frame in red, green and blue: uint8 [height, width, 3]."""
        width, height = fitted(frame.width, frame.height, self.most)
        small = self._scaled(frame, width, height, "rgb24", matrix_of(frame))
        return np.ascontiguousarray(np.rot90(small.to_ndarray(), -self.rotation // 90))

    def _scaled(self, frame: VideoFrame, width: int, height: int, name: str, matrix: str) -> VideoFrame:
        space: Any = _SCALER[matrix]
        return self._reformatter.reformat(
            frame,
            width,
            height,
            name,
            src_colorspace=space,
            dst_colorspace=space,
            dst_color_range=_LIMITED if name == "yuv420p" else None,
            interpolation="BICUBIC",
            threads=1,
        )


def matrix_of(frame: VideoFrame) -> str:
    """The matrix of a frame's colours: what it says, or else what players take for one of its size."""
    if frame.format.is_rgb:
        return "601"
    return _KNOWN.get(frame.colorspace) or ("709" if frame.width >= 1280 or frame.height > 576 else "601")


def fitted(width: int, height: int, most: int) -> tuple[int, int]:
    """The even width and height, at most `most` each and those of the frame, of the same ratio."""
    scale = min(1.0, most / max(width, height))
    return max(2, int(width * scale / 2 + 1e-6) * 2), max(2, int(height * scale / 2 + 1e-6) * 2)

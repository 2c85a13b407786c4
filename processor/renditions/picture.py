"""A frame upright and small enough to be looked at: planes of brightness and colour that can be drawn on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray

from media.colour import colours_of
from media.orientation import Orientation
from media.scaling import Scaler

Plane = NDArray[np.uint8]

# The matrices of pictures, by our names of them; colours of others are converted to BT.709.
_MATRICES = {"601": Colorspace.ITU601, "709": Colorspace.ITU709, "2020": Colorspace.BT2020}
_NAMES = {matrix: name for name, matrix in _MATRICES.items()}


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


class ToPicture:
    """Frames of one stream as pictures of one size and one matrix: turned as a player turns them.

    orientation: how a player turns them. size: (width, height) of the pictures; both are even. The matrix is that of
    the first frame where none is given.
    """

    def __init__(self, orientation: Orientation, size: tuple[int, int], matrix: str | None = None) -> None:
        self._orientation = orientation
        self._size = orientation.size(*size)
        self._matrix = matrix
        self._scaler = Scaler(Interpolation.BICUBIC)

    def __call__(self, frame: VideoFrame) -> Picture:
        """The frame as a picture of its own. Raises DecodeFailed for colours that cannot be converted."""
        colours = colours_of(frame)
        if self._matrix is None:
            self._matrix = "709" if colours.transfer else _NAMES.get(colours.matrix, "709")
        small = self._scaler.planes(frame, colours, self._size, _MATRICES[self._matrix])
        flat: Any = small.to_ndarray().ravel()
        width, height = self._size
        quarter = width * height // 4
        parts = (
            flat[: 4 * quarter].reshape(height, width),
            flat[4 * quarter : 5 * quarter].reshape(height // 2, width // 2),
            flat[5 * quarter :].reshape(height // 2, width // 2),
        )
        y, u, v = (np.ascontiguousarray(self._orientation.applied(part)) for part in parts)
        return Picture(y, u, v, self._matrix)

    def rgb(self, frame: VideoFrame) -> Plane:
        """The frame in red, green and blue: uint8 [height, width, 3]. Raises DecodeFailed as well."""
        pixels = self._scaler.pixels(frame, colours_of(frame), self._size, "RGB")
        return np.ascontiguousarray(self._orientation.applied(pixels))


def fitted(width: int, height: int, most: int) -> tuple[int, int]:
    """The even width and height, at most `most` each and those of the frame, at least 2, of the same ratio."""
    scale = min(1.0, most / max(width, height))
    return max(2, int(width * scale / 2 + 1e-6) * 2), max(2, int(height * scale / 2 + 1e-6) * 2)

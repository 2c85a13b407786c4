"""How players turn a stored frame before they show it."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from contracts.wire.messages import Chunk, Media
from media.exif import orientation_tag

Pixel = TypeVar("Pixel", bound=np.generic)

# EXIF's numbers of the mirrored orientations.
_MIRRORED_TAGS = (2, 4, 5, 7)


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a frame: mirrored left to right first, where set, and then rotated clockwise.

    rotation: degrees, 0, 90, 180 or 270.
    """

    rotation: int = 0
    mirrored: bool = False

    @property
    def sideways(self) -> bool:
        """Whether width and height are exchanged."""
        return self.rotation % 180 != 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the displayed frame for those of the stored one, and the other way round."""
        return (height, width) if self.sideways else (width, height)

    @property
    def matrix(self) -> tuple[int, int, int, int]:
        """The display matrix in ones, as by_matrix takes it."""
        across, down = ((1, 0), (0, 1), (-1, 0), (0, -1))[self.rotation // 90]
        return (-across, -down, -down, across) if self.mirrored else (across, down, -down, across)

    def then(self, later: "Orientation") -> "Orientation":
        """This one, and after it another."""
        # Mirroring turns around what was turned before.
        turned = -self.rotation if later.mirrored else self.rotation
        return Orientation((turned + later.rotation) % 360, self.mirrored != later.mirrored)

    def applied(self, pixels: NDArray[Pixel]) -> NDArray[Pixel]:
        """The stored frame [height, width, ...] as it is displayed; a view."""
        return np.rot90(pixels[:, ::-1] if self.mirrored else pixels, -self.rotation // 90)

    def pixel_aspect(self, stored: Fraction | None) -> Fraction:
        """Width of a displayed pixel by its height, for that of a stored one; None or 0 is unknown, taken for 1."""
        aspect = stored or Fraction(1)
        return 1 / aspect if self.sideways else aspect


def orientation_of(message: Media | Chunk) -> Orientation:
    """The orientation that a message carries."""
    return Orientation(message.rotation, message.mirrored is True)


def by_matrix(a: int, b: int, c: int, d: int) -> Orientation:
    """The orientation nearest to a display matrix, which moves a point (x, y) to (a x + c y, b x + d y).

    The axes point right and down. As with FFmpeg and browsers, a negative determinant mirrors. A matrix without one
    would show nothing, and is ignored.
    """
    determinant = a * d - b * c
    if not determinant:
        return Orientation()
    # Mirroring left to right leaves the axis that points down.
    return Orientation(_nearest(math.degrees(math.atan2(-c, d))), determinant < 0)


def shown(frame: VideoFrame, packet: bytes) -> Orientation:
    """The orientation of a decoded frame, by its display matrix. packet: what the frame was decoded from.

    PyAV cannot list the side data of a frame with EXIF, and tells no more than the angle of its horizontal axis then:
    whether it is mirrored is read from the EXIF data of the packet.
    """
    try:
        listed: Any = frame.side_data
        matrix = listed["DISPLAYMATRIX"]
    except KeyError:
        return Orientation()
    except ValueError:
        mirrored = orientation_tag(packet) in _MIRRORED_TAGS
        return Orientation((_nearest(-frame.rotation) + 180 * mirrored) % 360, mirrored)
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
    return by_matrix(a, b, c, d)


def _nearest(degrees: float) -> int:
    """The nearest of 0, 90, 180 and 270 degrees."""
    return round(degrees / 90) * 90 % 360

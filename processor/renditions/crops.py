"""Pictures of frames and of parts of them, and JPEGs of these. No IO."""

import io

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from PIL import Image

from contracts.errors import VideoRefused
from media.colour import Colours, colours_of
from media.cropping import Area, Cut, stored
from media.orientation import Orientation
from media.scaling import Scaler, Size
from processor.renditions.picture import Plane

Box = tuple[float, float, float, float]

_QUALITY = 85
# With a colour for each pixel: one for two would shift all of them by 1 % in small pictures.
_AVERAGES = Interpolation.AREA | Interpolation.FULL_CHR_H_INT


class Crops:
    """Parts of the frames of one stream as pictures: turned as a player turns them.

    orientation: how a player turns the frames. size: of a displayed frame, in whose pixels the parts are.
    """

    def __init__(self, orientation: Orientation, size: Size) -> None:
        self._orientation = orientation
        self._size = size
        self._scaler = Scaler(_AVERAGES)
        self._last: tuple[VideoFrame, Plane] | None = None

    @property
    def whole(self) -> Area:
        """All of a displayed frame."""
        return Area(0, 0, *self._size)

    def __call__(self, frame: VideoFrame, part: Area, size: Size) -> Plane:
        """A part of a frame in red, green and blue, uint8 [height, width, 3], of a size at most that of the part: what
        a pixel covers is averaged. Raises DecodeFailed for colours that cannot be converted."""
        if size == (part.width, part.height):
            pixels = self._all_of(frame)
            return pixels[part.top : part.top + part.height, part.left : part.left + part.width]
        place = self._stored(frame, part)
        is_all = (place.width, place.height) == (frame.width, frame.height)
        return self._pixels(frame if is_all else Cut(frame, place)(frame), colours_of(frame), size)

    def _all_of(self, frame: VideoFrame) -> Plane:
        """All of a frame, which is kept: often more than one part of it is wanted."""
        if self._last is None or self._last[0] is not frame:
            self._last = frame, self._pixels(frame, colours_of(frame), self._size)
        return self._last[1]

    def _pixels(self, frame: VideoFrame, colours: Colours, size: Size) -> Plane:
        pixels = self._scaler.pixels(frame, colours, self._orientation.size(*size), "RGB")
        return np.ascontiguousarray(self._orientation.applied(pixels))

    def _stored(self, frame: VideoFrame, part: Area) -> Area:
        """Where a part is in a frame, which is of another size where that changes on the way; enlarged to even pixels,
        since those of colour may cover two."""
        place = stored(part, *self._size, self._orientation)
        width, height = self._orientation.size(*self._size)
        left, right = _even(place.left, place.width, width, frame.width)
        top, bottom = _even(place.top, place.height, height, frame.height)
        return Area(left, top, right - left, bottom - top)


def _even(start: int, length: int, side: int, other: int) -> tuple[int, int]:
    """Both ends of a stretch of a side in pixels of another one, as even ones around it."""
    return start * other // side // 2 * 2, min(other, -(-(start + length) * other // side // 2) * 2)


def around(box: Box, size: Size, margin: float = 0.0) -> Area:
    """The part of a frame of a size in a box (x1, y1, x2, y2 in pixels), with a part of the box's width and height
    around it on each side. Clipped to the frame, at least one pixel."""
    width, height = size
    x1, y1, x2, y2 = box
    across, down = margin * (x2 - x1), margin * (y2 - y1)
    left, top = int(np.clip(np.floor(x1 - across), 0, width - 1)), int(np.clip(np.floor(y1 - down), 0, height - 1))
    right, bottom = int(np.clip(np.ceil(x2 + across), 0, width)), int(np.clip(np.ceil(y2 + down), 0, height))
    return Area(left, top, max(right - left, 1), max(bottom - top, 1))


def fitted_in(part: Area, width: int, height: int) -> Size:
    """The size of a part's picture: made smaller where it is larger than width or height; of the same ratio."""
    scale = min(1.0, width / part.width, height / part.height)
    return max(1, round(part.width * scale)), max(1, round(part.height * scale))


def jpeg(pixels: Plane) -> bytes:
    """A picture in red, green and blue, [height, width, 3], as a JPEG. Raises VideoRefused."""
    data = io.BytesIO()
    try:
        Image.fromarray(pixels).save(data, "JPEG", quality=_QUALITY, optimize=True)
    except (OSError, ValueError) as error:  # wider or higher than a JPEG can be
        raise VideoRefused("a picture of it cannot be written") from error
    return data.getvalue()

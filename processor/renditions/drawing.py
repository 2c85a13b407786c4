"""Drawing of boxes and labels onto a picture. No IO."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from processor.renditions.picture import Picture, Plane

# Label colours, the same as in the web UI (web/src/lib/palette.ts), distinguishable with any colour vision (Okabe and
# Ito, "Color Universal Design", 2008).
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999")

Rgb = tuple[int, int, int]  # 0 to 255
Yuv = tuple[int, int, int]  # limited range: 16 to 235, and 16 to 240 around 128

# Luma coefficients of red and blue by colour matrix (ITU-R BT.601, BT.709 and BT.2020).
_WEIGHTS = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}

_LIGHT, _DARK = 235, 16
_LINES_OF_TEXT = 36  # text height: picture height divided by this
_LEAST_TEXT = 11
_DASH = 3  # length of a dash: line widths
_LINES = 240  # line width of a box: picture height divided by this


@dataclass(frozen=True, slots=True)
class Found:
    """An object to draw. box: x1, y1, x2, y2 in pixels of the displayed frame. place: rank of its label, for the
    colour. filled: of a filled-in frame, drawn dashed."""

    label: str
    place: int
    score: float
    box: tuple[float, float, float, float]
    filled: bool = False


def draw(picture: Picture, displayed: tuple[int, int], objects: Iterable[Found]) -> None:
    """Draw objects into the picture. displayed: (width, height) of the frame in whose pixels the boxes are."""
    width, height = picture.size
    across, down = width / displayed[0], height / displayed[1]
    line = _even(max(2, height / _LINES))
    text = max(_LEAST_TEXT, round(height / _LINES_OF_TEXT))
    # Draw the highest scores last, on top.
    for item in sorted(objects, key=lambda item: item.score):
        x1, y1, x2, y2 = item.box
        corners = (_even(x1 * across), _even(y1 * down), _even(x2 * across), _even(y2 * down))
        colour = colour_of(item.place)
        outline(picture, corners, line, to_yuv(colour, picture.matrix), item.filled)
        tag(picture, corners, f"{item.label} {item.score:.2f}", text, colour)


def outline(picture: Picture, corners: tuple[int, int, int, int], line: int, colour: Yuv, dashed: bool = False) -> None:
    """Draw the outline of a box, inside of it, clipped to the picture; corners and line in even pixels."""
    x1, y1, x2, y2 = corners
    for start, stop in _dashes(x1, x2, line) if dashed else [(x1, x2)]:
        fill(picture, (start, y1, stop, y1 + line), colour)
        fill(picture, (start, y2 - line, stop, y2), colour)
    for start, stop in _dashes(y1, y2, line) if dashed else [(y1, y2)]:
        fill(picture, (x1, start, x1 + line, stop), colour)
        fill(picture, (x2 - line, start, x2, stop), colour)


def _dashes(start: int, stop: int, line: int) -> Iterator[tuple[int, int]]:
    """The dashes of a side, with one at each corner. Even pixels."""
    dash = _DASH * line
    gaps = max(1, round((stop - start - dash) / (2 * dash)))
    for number in range(gaps + 1):
        left = start + _even((stop - start - dash) * number / gaps)
        yield max(start, left), min(stop, left + dash)


def tag(picture: Picture, corners: tuple[int, int, int, int], text: str, size: int, colour: Rgb) -> None:
    """Draw a text on a background of the colour: above the box, or inside if there is no room above."""
    width, height = picture.size
    ink = lettering(text, size)[:height, :width]
    down, across = ink.shape
    left = max(0, min(corners[0], width - across))
    top = max(0, min(corners[1] - down if corners[1] >= down else corners[1], height - down))
    ground = to_yuv(colour, picture.matrix)
    letters = _DARK if ground[0] > (_LIGHT + _DARK) / 2 else _LIGHT
    place, half = (slice(top, top + down), slice(left, left + across)), (down // 2, across // 2)
    picture.y[place] = _mixed(ground[0], letters, ink)
    thin = ink.reshape(half[0], 2, half[1], 2).mean(axis=(1, 3), dtype=np.float32)
    quarter = (slice(top // 2, top // 2 + half[0]), slice(left // 2, left // 2 + half[1]))
    picture.u[quarter] = _mixed(ground[1], 128, thin)
    picture.v[quarter] = _mixed(ground[2], 128, thin)


def fill(picture: Picture, corners: tuple[int, int, int, int], colour: Yuv) -> None:
    """Fill a rectangle; corners in even pixels."""
    width, height = picture.size
    x1, x2 = (min(max(x, 0), width) for x in (corners[0], corners[2]))
    y1, y2 = (min(max(y, 0), height) for y in (corners[1], corners[3]))
    picture.y[y1:y2, x1:x2] = colour[0]
    picture.u[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2] = colour[1]
    picture.v[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2] = colour[2]


def colour_of(place: int) -> Rgb:
    """The colour of a label by its rank in order of appearance; the first eight differ."""
    text = PALETTE[place % len(PALETTE)]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def to_yuv(colour: Rgb, matrix: str) -> Yuv:
    """Convert a colour to Y, U, V by the matrix "601", "709" or "2020"."""
    red, green, blue = (part / 255 for part in colour)
    of_red, of_blue = _WEIGHTS[matrix]
    bright = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    u, v = (blue - bright) / (2 * (1 - of_blue)), (red - bright) / (2 * (1 - of_red))
    return round(16 + 219 * bright), round(128 + 224 * u), round(128 + 224 * v)


@lru_cache(maxsize=4096)
def lettering(text: str, size: int) -> NDArray[np.float32]:
    """Coverage of each pixel by a text, 0 to 1, [height, width], both even. size: font size in pixels."""
    font = ImageFont.load_default(size)
    left, _, right, _ = font.getbbox(text)
    room = size // 4
    # Height of the tallest and lowest letters, so that all labels are equally high.
    _, top, _, bottom = font.getbbox("Ågjp")
    shape = (_even(right - left + 2 * room + 1), _even(bottom - top + room + 1))
    image = Image.new("L", shape)
    ImageDraw.Draw(image).text((room - left, room // 2 - top), text, fill=255, font=font)
    return np.asarray(image, np.float32) / np.float32(255)


def _mixed(ground: int, ink: int, covered: NDArray[np.float32]) -> Plane:
    mixed: Plane = np.rint(ground + (ink - ground) * covered).astype(np.uint8)
    return mixed


def _even(value: float) -> int:
    return round(value / 2) * 2

"""Contact sheets: frames of a video side by side in one picture. Pure but for the encoding."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from contracts.results.codec import time_ms
from contracts.wire.pictures import FramePicture, Sheet
from processor.renditions.crops import jpeg
from processor.renditions.picture import Plane

_GAP = 2  # pixels between the frames
_GROUND = 24
_LEAST_LABELLED = 100  # pixels: narrower frames have no room for their time
_TEXT = 12  # pixels, the size of the times


def sheet_numbers(times_ms: Sequence[float], keys: Sequence[int], sheet: Sheet) -> list[int]:
    """The numbers of the frames on a sheet, rising: those that are shown in the middle of equal parts of time. Where a
    keyframe is shown earlier in the part, the last one of these is taken: no more of its group is decoded.

    times_ms: of all frames. keys: numbers of the keyframes, rising."""
    begin = times_ms[0] if sheet.from_ms is None else sheet.from_ms
    end = times_ms[-1] if sheet.to_ms is None else min(sheet.to_ms, times_ms[-1])
    count = sheet.columns * sheet.rows
    part = max(end - begin, 0) / count
    found: dict[int, None] = {}
    for place in range(count):
        number = max(bisect_right(times_ms, begin + (place + 0.5) * part) - 1, 0)
        key = keys[max(bisect_right(keys, number) - 1, 0)] if keys else number
        is_near = key <= number and times_ms[key] >= begin + place * part
        found[key if is_near else number] = None
    return sorted(found)


class ContactSheet:
    """A sheet that is put together frame by frame. numbers: of these frames, rising. cell: the width and height that
    each is given."""

    def __init__(self, wanted: FramePicture, sheet: Sheet, numbers: Sequence[int], size: tuple[int, int]) -> None:
        """numbers: of its frames, rising. size: width and height of a frame."""
        self.numbers = numbers
        self._columns = min(sheet.columns, max(len(numbers), 1))
        width = max(1, min(size[0], (wanted.width - (self._columns - 1) * _GAP) // self._columns))
        self.cell = width, max(1, round(width * size[1] / size[0]))
        rows = max(1, -(-len(numbers) // self._columns))
        height = rows * (self.cell[1] + _GAP) - _GAP
        self._pixels = np.full((height, self._columns * (width + _GAP) - _GAP, 3), _GROUND, np.uint8)
        self._is_empty = True

    def add(self, number: int, pixels: Plane, at_ms: float) -> None:
        """Put a frame at its place, with its time. pixels: of the size of a cell."""
        row, column = divmod(self.numbers.index(number), self._columns)
        width, height = self.cell
        top, left = row * (height + _GAP), column * (width + _GAP)
        labelled = _labelled(pixels, clock(at_ms)) if width >= _LEAST_LABELLED else pixels
        self._pixels[top : top + height, left : left + width] = labelled
        self._is_empty = False

    def jpeg(self) -> bytes:
        """The sheet; nothing where no frame could be decoded. Raises VideoRefused."""
        return b"" if self._is_empty else jpeg(self._pixels)


def _labelled(pixels: Plane, text: str) -> Plane:
    """The frame with a text in its lower left corner, white with a dark rim."""
    image = Image.fromarray(pixels)
    place, font = (5, pixels.shape[0] - 6), ImageFont.load_default(_TEXT)
    ImageDraw.Draw(image).text(place, text, "white", font, anchor="ls", stroke_width=1, stroke_fill="black")
    return np.asarray(image)


def clock(at_ms: float) -> str:
    """A time as 1:02:03, or 2:03.4 within the first hour."""
    tenths = round(at_ms / 100)
    hours, minutes, seconds = tenths // 36_000, tenths // 600 % 60, tenths % 600
    if hours:
        return f"{hours}:{minutes:02}:{seconds // 10:02}"
    return f"{minutes}:{seconds // 10:02}.{seconds % 10}"


def sheet_of(
    wanted: FramePicture,
    sheet: Sheet,
    times: Sequence[int],
    time_base: tuple[int, int],
    keys: Sequence[int],
    size: tuple[int, int],
) -> ContactSheet:
    """An empty sheet of a video with frames at these times. size: width and height of a frame."""
    shown = [time_ms(time, time_base) for time in times]
    return ContactSheet(wanted, sheet, sheet_numbers(shown, keys, sheet), size)

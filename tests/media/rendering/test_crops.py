"""Pictures of parts of frames: what a player shows there, averaged where it is made smaller."""

import io

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from contracts.errors import VideoRefused
from contracts.wire.pictures import FramePicture, Sheet
from media.cropping import Area
from media.orientation import Orientation
from processor.renditions.contact_sheets import ContactSheet
from processor.renditions.crops import Crops, around, fitted_in, jpeg

Image8 = NDArray[np.uint8]
# Blocks of 16 pixels, so that halved colour stays what it is but at their edges.
BLOCKS = np.random.default_rng(1).integers(0, 255, (10, 16, 3), np.uint8).repeat(16, 0).repeat(16, 1)
TURNS = [Orientation(rotation, mirrored) for rotation in (0, 90, 180, 270) for mirrored in (False, True)]


def frame(pixels: Image8, form: str = "yuv420p") -> VideoFrame:
    return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24").reformat(format=form)


def averages(pixels: Image8, factor: int) -> NDArray[np.float64]:
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    return np.asarray(pixels.reshape(height, factor, width, factor, 3).mean(axis=(1, 3)), np.float64)


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuv422p10le", "nv12", "rgb24"])
@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_part_of_a_turned_frame_is_what_a_player_shows_there(turn: Orientation, form: str) -> None:
    height, width = turn.applied(BLOCKS).shape[:2]
    crops, stored = Crops(turn, (width, height)), frame(BLOCKS, form)
    shown = turn.applied(frame(BLOCKS, form).to_ndarray(format="rgb24")).astype(int)
    for part in (Area(8, 12, 96, 64), Area(9, 13, 96, 64), crops.whole):
        expected = shown[part.top : part.top + part.height, part.left : part.left + part.width]
        same = crops(stored, part, (part.width, part.height))
        half = crops(stored, part, (part.width // 2, part.height // 2))
        assert (same.shape, half.shape) == (expected.shape, (part.height // 2, part.width // 2, 3))
        for made, wanted in ((same, expected), (half, averages(expected.astype(np.uint8), 2))):
            assert np.abs(made - wanted).mean() < 10, "at the edges of blocks; a pixel elsewhere is 80 away"


def test_what_is_made_smaller_keeps_its_colours_and_its_averages() -> None:
    noise = np.random.default_rng(2).integers(60, 180, (96, 128, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    crops = Crops(Orientation(), (256, 192))
    small = crops(frame(noise), crops.whole, (32, 24)).astype(float)
    assert np.abs(small - averages(noise, 8)).max() < 5
    assert np.abs(small.mean(axis=(0, 1)) - noise.mean(axis=(0, 1))).max() < 0.5


def test_in_a_frame_of_another_size_the_same_part_is_shown() -> None:
    crops, part = Crops(Orientation(), (256, 160)), Area(64, 32, 128, 64)
    expected = averages(BLOCKS[32:96, 64:192], 4)
    for other in (BLOCKS, BLOCKS[::2, ::2], BLOCKS.repeat(2, 0).repeat(2, 1)):
        assert np.abs(crops(frame(other, "rgb24"), part, (32, 16)) - expected).max() <= 3


@pytest.mark.parametrize(
    ("box", "margin", "part"),
    [
        ((10.2, 20, 30, 40.5), 0.0, Area(10, 20, 20, 21)),
        ((10, 20, 30, 40), 0.1, Area(8, 18, 24, 24)),
        ((-50, -50, 900, 900), 0.1, Area(0, 0, 100, 80)),
        ((100, 80, 100, 80), 0.0, Area(99, 79, 1, 1)),
    ],
)
def test_a_part_is_around_its_box_and_inside_of_the_frame(
    box: tuple[float, float, float, float], margin: float, part: Area
) -> None:
    assert around(box, (100, 80), margin) == part


def test_a_picture_keeps_the_ratio_of_its_part_and_is_never_larger() -> None:
    assert fitted_in(Area(0, 0, 400, 200), 100, 100) == (100, 50)
    assert fitted_in(Area(0, 0, 40, 20), 100, 100) == (40, 20)
    assert fitted_in(Area(0, 0, 1, 900), 100, 90) == (1, 90)


@pytest.mark.parametrize("size", [(16_000, 16), (16, 16_000)])
def test_a_very_long_frame_becomes_a_small_picture(size: tuple[int, int]) -> None:
    crops = Crops(Orientation(), size)
    grey = VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 90, np.uint8), "rgb24")
    small = fitted_in(crops.whole, 20, 20)
    assert np.abs(crops(grey, crops.whole, small).astype(int) - 90).max() <= 8


def test_a_picture_that_is_too_wide_for_a_jpeg_is_refused() -> None:
    with pytest.raises(VideoRefused, match="cannot be written"):
        jpeg(np.zeros((1, 70_000, 3), np.uint8))


def test_a_frame_of_a_sheet_has_its_time_in_its_lower_left_corner_where_there_is_room() -> None:
    sheet = ContactSheet(FramePicture(width=402), Sheet(2, 1), [3, 8], (200, 100))
    for number, at_ms in ((3, 1500.0), (8, 3_723_000.0)):
        sheet.add(number, np.full((100, 200, 3), 120, np.uint8), at_ms)
    image = np.asarray(Image.open(io.BytesIO(sheet.jpeg()))).astype(int)
    first, second = image[:, :200], image[:, 202:]
    for cell in (first, second):
        text = cell[80:, :70]
        assert (text.min() < 50, text.max() > 210) == (True, True), "white with a dark rim"
        assert np.ptp(cell[:72]) < 12
        assert np.ptp(cell[:, 72:196]) < 12
    assert np.abs(first - second).max() > 100, "another time"
    narrow = ContactSheet(FramePicture(width=90), Sheet(1, 1), [3], (200, 100))
    narrow.add(3, np.full((*narrow.cell[::-1], 3), 120, np.uint8), 1500.0)
    assert np.ptp(np.asarray(Image.open(io.BytesIO(narrow.jpeg())))) < 12

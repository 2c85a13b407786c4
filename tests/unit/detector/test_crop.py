"""Regions: where they lie, what is cut out, and where boxes go back to."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.results.codec import Detections, mask_column
from detector import masks_rle
from detector.decode.crop import Cropper, area, shifted
from media.cropping import Area
from media.orientation import Orientation

edges = st.floats(0, 1)


def test_no_region_is_the_whole_frame() -> None:
    assert area(None, 161, 97) == Area(0, 0, 161, 97)
    assert area((0, 0, 1, 1), 161, 97) == Area(0, 0, 161, 97)


@given(st.tuples(edges, edges, edges, edges), st.integers(2, 4000), st.integers(2, 4000))
def test_an_area_covers_its_region_and_stays_inside(
    region: tuple[float, float, float, float], width: int, height: int
) -> None:
    x1, y1, x2, y2 = region
    if not (x1 < x2 and y1 < y2):
        return
    place = area(region, width, height)
    assert 0 <= place.left <= x1 * width <= x2 * width <= place.left + place.width <= width
    assert 0 <= place.top <= y1 * height <= y2 * height <= place.top + place.height <= height
    assert place.left % 2 == place.top % 2 == 0
    assert place.width <= (x2 - x1) * width + 4
    assert place.width > 0
    assert place.height > 0


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le", "nv12", "rgb24"])
def test_a_turned_frames_region_is_what_a_player_shows_there(rotation: int, mirrored: bool, pixels: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 64, 3), np.uint8)
    noise = noise.repeat(4, 0).repeat(4, 1)  # blocks, so that halved colour stays what it is
    region = (0.25, 0.3, 0.7, 0.9)
    turn = Orientation(rotation, mirrored)
    crop = Cropper(region, turn)
    for image in (noise, noise, noise[:, :128], noise):  # the second size comes and goes
        stored = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
        stored.pts, stored.time_base = 5, Fraction(1, 25)
        shown = turn.applied(stored.to_ndarray(format="rgb24"))
        height, width = shown.shape[:2]
        place = area(region, width, height)
        cut = turn.applied(crop(stored).to_ndarray(format="rgb24"))
        expected = shown[place.top : place.top + place.height, place.left : place.left + place.width]
        assert cut.shape == expected.shape
        # Colour at the cut edges is interpolated from inside alone.
        inner = np.abs(cut.astype(int) - expected)[2:-2, 2:-2]
        assert inner.max() <= 8


def test_the_whole_frame_is_not_touched() -> None:
    frame = av.VideoFrame(64, 40, "yuv420p")
    assert Cropper(None, Orientation())(frame) is frame


def test_boxes_go_back_to_the_whole_frame() -> None:
    inside = Detections(np.array([3]), np.array([0.5]), np.array([[1.0, 2.0, 3.0, 4.0]]))
    assert shifted(inside, Area(10, 20, 30, 40), (100, 80)).box.tolist() == [[11.0, 22.0, 13.0, 24.0]]


def test_masks_go_back_to_the_whole_frame() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (40, 30)).astype(bool)
    inside = Detections(
        np.array([3]), np.array([0.5]), np.ones((1, 4)), mask_column([masks_rle.encode(bits, (30, 40))])
    )
    column = shifted(inside, Area(10, 20, 30, 40), (100, 80)).mask
    assert column is not None
    expected = np.zeros((80, 100), bool)
    expected[20:60, 10:40] = bits
    assert np.array_equal(masks_rle.decode(column[0], (100, 80)), expected)

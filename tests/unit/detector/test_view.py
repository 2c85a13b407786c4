"""How an image shows a frame: where its pixels lie, and the way back."""

from fractions import Fraction

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.models import catalogue
from detector.decode.frames import ToImage
from detector.view import View, view, whole
from media.orientation import Orientation

MODEL = catalogue.bundled("nanodet-g")
FITS = ("stretch", "pad", "pad_centre")

edges = st.integers(1, 4000)
sizes = st.tuples(edges, edges)
canvases = st.tuples(st.integers(32, 1280), st.integers(32, 1280))
parts = st.tuples(*[st.floats(0, 1)] * 4)


def shown(fit: str, canvas: tuple[int, int] | None, size: tuple[int, int]) -> View:
    return view(replace(MODEL, input_size=canvas, fit=fit), size)  # type: ignore[arg-type]


@given(fit=st.sampled_from(FITS), canvas=canvases, size=sizes, part=parts)
def test_a_box_comes_back_from_the_image_as_it_was(
    fit: str, canvas: tuple[int, int], size: tuple[int, int], part: tuple[float, float, float, float]
) -> None:
    place = shown(fit, canvas, size)
    box = np.sort(np.array(part).reshape(2, 2), axis=0).reshape(1, 4) * [*size, *size]
    scale = [place.inner[0] / size[0], place.inner[1] / size[1]]
    there = box * [*scale, *scale] + [*place.offset, *place.offset]
    np.testing.assert_allclose(place.to_frame(there), box, atol=1e-9 * max(size))


@given(fit=st.sampled_from(FITS), canvas=canvases, size=sizes)
def test_the_frame_lies_inside_the_image_and_fills_one_side(
    fit: str, canvas: tuple[int, int], size: tuple[int, int]
) -> None:
    place = shown(fit, canvas, size)
    (width, height), (left, top) = place.inner, place.offset
    assert left >= 0
    assert top >= 0
    assert left + width <= canvas[0]
    assert top + height <= canvas[1]
    assert width == canvas[0] or height == canvas[1]
    if fit == "stretch":
        assert place.inner == canvas
        return
    # The ratio is kept, as far as whole pixels can.
    ratio = min([Fraction(canvas[0], size[0]), Fraction(canvas[1], size[1])], key=float)
    assert abs(width - max(Fraction(1), size[0] * ratio)) <= Fraction(1, 2)
    assert abs(height - max(Fraction(1), size[1] * ratio)) <= Fraction(1, 2)
    if fit == "pad":
        assert place.offset == (0, 0)
    else:
        assert abs((canvas[0] - width - left) - left) <= 1
        assert abs((canvas[1] - height - top) - top) <= 1


@given(size=sizes)
def test_a_model_without_an_input_size_sees_the_frame_as_it_is(size: tuple[int, int]) -> None:
    assert shown("stretch", None, size) == whole(size)
    assert whole(size).to_frame(np.array([[0.0, 0, *size]])).tolist() == [[0, 0, *size]]


@given(fit=st.sampled_from(FITS), canvas=canvases, size=sizes, other=sizes, part=parts)
def test_a_frame_of_another_size_lies_as_one_of_its_own_and_its_boxes_are_in_the_first_size(
    fit: str, canvas: tuple[int, int], size: tuple[int, int], other: tuple[int, int], part: tuple[float, ...]
) -> None:
    place, own = shown(fit, canvas, size).showing(other), shown(fit, canvas, other)
    assert (place.inner, place.offset) == (own.inner, own.offset)
    box = np.sort(np.array(part).reshape(2, 2), axis=0).reshape(1, 4) * [*own.inner, *own.inner]
    there = box + np.array([*own.offset] * 2)
    expected = own.to_frame(there) / [*other, *other] * [*size, *size]
    np.testing.assert_allclose(place.to_frame(there), expected, atol=1e-9 * max(*size, *other))


def test_boxes_in_the_padding_are_clipped_to_the_frame() -> None:
    place = shown("pad_centre", (64, 64), (64, 32))
    assert place.offset == (0, 16)
    assert place.to_frame(np.array([[-5.0, 0, 70, 63]])).tolist() == [[0, 0, 64, 32]]
    assert place.to_frame(np.array([[4.0, 50, 8, 60]])).tolist() == [[4, 32, 8, 32]]  # nothing of it inside


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(64, 48), (48, 64), (30, 20), (400, 100)])
@pytest.mark.parametrize("rotation", [0, 90])
def test_the_frame_lies_in_the_picture_where_the_view_says_and_the_rest_is_grey(
    fit: str, size: tuple[int, int], rotation: int
) -> None:
    stored = size if rotation == 0 else size[::-1]
    frame = VideoFrame.from_ndarray(np.full((stored[1], stored[0], 3), 250, np.uint8), "rgb24")
    place = shown(fit, (96, 80), size)
    image = ToImage(Orientation(rotation), place, "RGB")(frame)
    assert image.shape == (80, 96, 3)
    expected = np.full((80, 96, 3), 114, np.uint8)
    (width, height), (left, top) = place.inner, place.offset
    expected[top : top + height, left : left + width] = 250
    assert np.abs(image.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("fit", FITS)
def test_a_thing_in_the_picture_comes_back_to_where_it_is_in_the_frame(fit: str) -> None:
    pixels = np.zeros((360, 480, 3), np.uint8)
    pixels[90:180, 300:420] = 255
    place = shown(fit, (320, 320), (480, 360))
    image = ToImage(Orientation(), place, "RGB")(VideoFrame.from_ndarray(pixels, "rgb24"))
    rows, columns = np.nonzero(image[..., 0] > 200)
    box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float64)
    np.testing.assert_allclose(place.to_frame(box), [[300, 90, 420, 180]], atol=1.6)

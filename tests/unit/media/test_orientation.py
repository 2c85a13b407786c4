"""The eight orientations, each against a plain transform of the pixels."""

import io
import itertools
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from media.orientation import Orientation, by_matrix, shown
from media.seekable_video import open_container

ALL = [Orientation(rotation, mirrored) for rotation in (0, 90, 180, 270) for mirrored in (False, True)]
# What each number of EXIF means, as its readers write it.
EXIF = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: p[::-1, ::-1],
    4: np.flipud,
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p.swapaxes(0, 1), 2),
    8: lambda p: np.rot90(p, 1),
}
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def moved(pixels: NDArray[np.uint8], a: int, b: int, c: int, d: int) -> NDArray[np.uint8]:
    """Each pixel put where the matrix moves it, into the quadrant of the screen."""
    height, width = pixels.shape[:2]
    places = {(a * x + c * y, b * x + d * y): pixels[y, x] for y in range(height) for x in range(width)}
    left, top = (min(place[axis] for place in places) for axis in (0, 1))
    right, bottom = (max(place[axis] for place in places) for axis in (0, 1))
    return np.array([[places[x, y] for x in range(left, right + 1)] for y in range(top, bottom + 1)])


@pytest.mark.parametrize(
    "matrix", [m for m in itertools.product((-1, 0, 1), repeat=4) if abs(m[0]) == abs(m[3]) != abs(m[1]) == abs(m[2])]
)
def test_a_matrix_moves_the_pixels_where_it_says(matrix: tuple[int, int, int, int]) -> None:
    turn = by_matrix(*(65536 * value for value in matrix))
    assert np.array_equal(turn.applied(PIXELS), moved(PIXELS, *matrix))
    assert turn.size(3, 2) == turn.applied(PIXELS).shape[1::-1]


def test_the_orientations_are_eight_and_the_other_way_round_is_one_of_them() -> None:
    images = {turn.applied(PIXELS).tobytes() + bytes(turn.size(3, 2)) for turn in ALL}
    assert len(images) == 8
    for turn in ALL:
        assert sum(np.array_equal(back.applied(turn.applied(PIXELS)), PIXELS) for back in ALL) == 1


@pytest.mark.parametrize("turn", ALL)
def test_an_orientation_is_the_one_of_its_matrix_and_can_follow_another(turn: Orientation) -> None:
    assert by_matrix(*turn.matrix) == turn
    for later in ALL:
        assert np.array_equal(turn.then(later).applied(PIXELS), later.applied(turn.applied(PIXELS)))


def test_a_matrix_that_is_near_a_turn_is_that_turn_and_one_that_shows_nothing_is_none() -> None:
    assert by_matrix(46, 80, -80, 46) == Orientation(90)
    assert by_matrix(0, 0, 0, 0) == by_matrix(0, 65536, 0, 0) == Orientation()


@pytest.mark.parametrize("turn", ALL)
def test_pixels_are_as_wide_as_the_turned_frame_shows_them(turn: Orientation) -> None:
    assert turn.pixel_aspect(Fraction(16, 9)) == (Fraction(9, 16) if turn.sideways else Fraction(16, 9))
    assert turn.pixel_aspect(None) == 1


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_of_a_photograph_is_the_one_of_its_exif_data(kind: str, number: int) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a maker", number
    sink = io.BytesIO()
    Image.fromarray(PIXELS.repeat(8, 0).repeat(8, 1)).save(sink, kind, exif=exif)
    with open_container(sink) as container:
        packet = next(container.demux(video=0))
        turn = shown(packet.decode()[0], bytes(packet))
    assert np.array_equal(turn.applied(PIXELS), EXIF[number](PIXELS))

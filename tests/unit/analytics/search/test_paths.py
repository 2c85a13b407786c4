"""Paths of tracks: on the grid, as bytes, where they go, and whether they come through a polygon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.search.area import touched
from analytics.search.paths import GRID, heading, hulls_on_grid, on_grid, pack, unpack

SQUARE = np.array([[2000, 2000], [4000, 2000], [4000, 4000], [2000, 4000]])


def test_paths_come_back_from_bytes() -> None:
    paths = [np.array([[0, 9999], [5, 7]]), np.zeros((0, 2), np.int64), np.array([[1, 2]])]
    points, sizes = unpack([pack(path) for path in paths])
    assert points.tolist() == [[0, 9999], [5, 7], [1, 2]]
    assert sizes.tolist() == [2, 0, 1]


@given(st.integers(-50_000, 300_000), st.integers(-50_000, 300_000), st.integers(1, 4000), st.integers(1, 4000))
def test_a_point_in_a_hull_is_in_it_on_the_grid(x: int, y: int, width: int, height: int) -> None:
    point = on_grid(np.array([[x, y]]), width, height)[0]
    left, top, right, bottom = hulls_on_grid(np.array([[x - 3, y - 300, x, y]]), width, height)[0]
    assert left <= point[0] <= right < GRID
    assert top <= point[1] <= bottom < GRID


@pytest.mark.parametrize(
    ("end", "expected"),
    [((500, 0), 0), ((900, 100), 45), ((900, 500), 90), ((500, 900), 180), ((100, 500), 270), ((505, 500), None)],
)
def test_a_heading_is_clockwise_from_up(end: tuple[int, int], expected: int | None) -> None:
    path = np.array([[500, 500], [0, 0], end])
    assert heading(path * 10, 100, 100) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param([[3000, 3000]], True, id="stands in it"),
        pytest.param([[1000, 1000], [3000, 3000], [9000, 9000]], True, id="stops in it"),
        pytest.param([[1000, 3000], [9000, 3100]], True, id="passes through between two points"),
        pytest.param([[3000, 1000], [9000, 5000]], False, id="passes by, with its hull around it"),
        pytest.param([[5000, 5000]], False, id="stands elsewhere"),
    ],
)
def test_a_path_comes_through_a_polygon(path: list[list[int]], expected: bool) -> None:
    for turned in (path, path[::-1]):
        points, sizes = unpack([pack(np.array(part)) for part in ([[0, 0]], turned, [[9999, 9999]])])
        assert touched(SQUARE, points, sizes).tolist() == [False, expected, False]


def test_the_way_from_one_path_to_the_next_is_none() -> None:
    points, sizes = unpack([pack(np.array([[1000, 3000]])), pack(np.array([[9000, 3000]]))])
    assert touched(SQUARE, points, sizes).tolist() == [False, False]

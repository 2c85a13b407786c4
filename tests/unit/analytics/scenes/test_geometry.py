"""Points, polygons and lines, exact where they touch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.scenes.checks import against_line, against_polygon
from analytics.scenes.geometry import bounded, crossings, inside
from tests.unit.analytics.scenes.made import Point, array, point

_path = st.lists(point, min_size=2, max_size=8)
_corners = st.lists(point, min_size=3, max_size=7)
_all = [(x, y) for x in range(-1, 6) for y in range(-1, 6)]


def net(line: list[Point], path: list[Point]) -> int:
    return int(crossings(array(line), array(path[:-1]), array(path[1:])).sum())


def test_edges_belong_to_one_of_two_zones() -> None:
    left, right = [(0, 0), (2, 0), (2, 4), (0, 4)], [(2, 0), (4, 0), (4, 4), (2, 4)]
    lower = [(0, 4), (4, 4), (4, 5), (0, 5)]
    points = array([(x, y) for x in range(4) for y in range(5)])
    held = np.stack([inside(array(corners), points) for corners in (left, right, lower)])
    assert (held.sum(axis=0) == 1).all()
    assert inside(array(left), array([(0, 0), (2, 0), (0, 4)])).tolist() == [True, False, False]


def test_a_concave_zone_is_open_in_its_notch() -> None:
    corners = array([(0, 0), (60, 0), (60, 60), (30, 20), (0, 60)])
    assert inside(corners, array([(30, 10), (30, 30), (10, 40), (50, 40)])).tolist() == [True, False, True, True]


def test_what_stands_on_the_edges_of_the_frame_is_in_it() -> None:
    frame = array([(0, 0), (6400, 0), (6400, 4800), (0, 4800)])
    points = array([(0, 0), (6400, 4800), (3200, 4800), (-5, 9000), (6399, 0)])
    assert inside(frame, bounded(points, 64, 48)).all()


@given(_corners, st.integers(0, 6), st.integers(1, 1000), point)
def test_a_zone_is_the_same_from_any_corner_and_anywhere(
    corners: list[Point], turn: int, factor: int, shift: Point
) -> None:
    expected = inside(array(corners), array(_all)).tolist()
    turn %= len(corners)
    assert inside(array(corners[turn:] + corners[:turn]), array(_all)).tolist() == expected
    assert inside(array(corners[::-1]), array(_all)).tolist() == expected
    moved = array(corners) * factor + array([shift])
    assert inside(moved, array(_all) * factor + array([shift])).tolist() == expected


@given(_path, _path)
def test_a_line_the_other_way_round_changes_directions_alone(line: list[Point], path: list[Point]) -> None:
    assert net(line[::-1], path) == -net(line, path) == net(line, path[::-1])


@given(_path, _path, st.integers(1, 1000), point)
def test_crossings_do_not_depend_on_place_and_size(
    line: list[Point], path: list[Point], factor: int, shift: Point
) -> None:
    moved = [[(x * factor + shift[0], y * factor + shift[1]) for x, y in points] for points in (line, path)]
    assert net(moved[0], moved[1]) == net(line, path)


@given(_path, _path, st.data())
def test_a_corner_in_a_straight_line_changes_nothing(line: list[Point], path: list[Point], data: st.DataObject) -> None:
    line, path = [(2 * x, 2 * y) for x, y in line], [(2 * x, 2 * y) for x, y in path]
    place = data.draw(st.integers(1, len(line) - 1))
    (x, y), (u, v) = line[place - 1], line[place]
    assert net([*line[:place], ((x + u) // 2, (y + v) // 2), *line[place:]], path) == net(line, path)
    (x, y), (u, v) = path[0], path[1]
    assert net(line, [path[0], ((x + u) // 2, (y + v) // 2), *path[1:]]) == net(line, path)


@given(_corners, _path)
def test_what_crosses_an_outline_goes_in_or_out(corners: list[Point], path: list[Point]) -> None:
    there = inside(array(corners), array(path)).tolist()
    for (start, end), (before, after) in zip(pairwise(path), pairwise(there), strict=True):
        assert net([*corners, corners[0]], [start, end]) % 2 == (before != after)


@given(_corners, _path)
def test_who_comes_back_has_crossed_an_outline_as_often_out_as_in(corners: list[Point], path: list[Point]) -> None:
    assert net([*corners, corners[0]], [*path, path[0]]) == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([(1, 2), (3, 2)], 1),
        ([(3, 2), (1, 2)], -1),
        ([(1, 2), (2, 2)], 1),  # on the line is right of it
        ([(2, 2), (3, 2)], 0),
        ([(1, 2), (2, 2), (1, 2)], 0),
        ([(2, 0), (2, 4)], 0),  # along it
        ([(1, 5), (3, 5)], 0),  # past its end
    ],
)
def test_forward_is_from_left_to_right_as_drawn(path: list[Point], expected: int) -> None:
    """The line goes up on the screen."""
    assert net([(2, 4), (2, 0)], path) == expected


def test_farthest_numbers_do_not_overflow() -> None:
    far = 2**28 - 1
    assert net([(far, far), (far, -far)], [(-far, 0), (far, -1), (-far, 3)]) == 0
    assert net([(0, far), (0, -far)], [(-far, far), (far, -far)]) == 1
    assert bounded(array([(2**31 - 1, -(2**31))]), 2**30, 2**30).tolist() == [[far, 0]]


@pytest.mark.parametrize(
    ("corners", "reason"),
    [
        ([(0, 0), (4, 4)], "has 2 points"),
        ([(0, 0), (0, 0), (4, 4)], "same point twice in a row (point 1 to 2)"),
        ([(0, 0), (4, 4), (4, 0), (0, 0)], "same point twice in a row (point 4 to 1)"),
        ([(0, 0), (2, 2), (4, 4), (1, 1)], "no area"),
        ([(0, 0), (4, 4), (4, 0), (0, 4)], "crosses itself (the edges from point 1 to 2 and from point 3 to 4)"),
        ([(0, 0), (4, 0), (2, 2), (2, -2), (0, 4)], "crosses itself"),
        ([(0, 0), (4, 0), (2, 1), (2, 0), (3, -2), (0, 4)], "crosses itself"),  # through a corner
    ],
)
def test_what_is_no_polygon_is_refused(corners: list[Point], reason: str) -> None:
    said = against_polygon(corners)
    assert said is not None
    assert reason in said


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)],
        [(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)],  # a corner on an edge
        [(0, 0), (2, 2), (4, 0), (4, 4), (2, 2), (0, 4)],  # two corners meet
        [(0, 0), (4, 0), (4, 4), (0, 4), (0, 1), (1, 1), (1, 2), (0, 2)],  # along an edge
    ],
)
def test_a_polygon_may_touch_itself(corners: list[Point]) -> None:
    assert against_polygon(corners) is None
    assert against_polygon(corners[::-1]) is None


def test_a_line_may_cross_itself_but_has_a_way() -> None:
    assert against_line([(0, 0), (4, 4), (4, 0), (0, 4)]) is None
    assert "two" in (against_line([(0, 0)]) or "")
    assert "point 2 to 3" in (against_line([(0, 0), (1, 1), (1, 1)]) or "")

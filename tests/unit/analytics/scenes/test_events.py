"""What tracks do at zones and lines, and what counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.scenes.events import Direction, Event, EventType
from analytics.scenes.levels import Rules
from analytics.scenes.scene import CENTRE, FOOT, place, sightings
from contracts.results.codec import Block
from tests.unit.analytics.scenes.made import Point, events_of, line, point, scene, seen, told, zone

# It goes up on the screen at x = 10, so that forward is to the right.
GATE = line((10, 100), (10, -100), name="gate")
ROOM = zone((0, 0), (10, 0), (10, 10), (0, 10), name="room")
OUT, IN = (-5, 5), (5, 5)
LEFT, RIGHT = (5, 0), (15, 0)


def crossed(path: list[Point], linger: int = 3) -> list[tuple[int, int, str]]:
    return told(events_of(scene(GATE), Rules(linger), seen((1, 0, path))))


def stayed(path: list[Point], linger: int = 3, dwell: int | None = None) -> list[tuple[int, int, str]]:
    return told(events_of(scene(ROOM), Rules(linger, dwell), seen((1, 0, path))))


def test_a_crossing_counts_in_the_first_frame_behind_the_line() -> None:
    assert crossed([LEFT] * 3 + [RIGHT] * 3) == [(1, 3, "forward")]
    assert crossed([RIGHT] * 3 + [LEFT] * 3) == [(1, 3, "backward")]
    assert crossed([LEFT] * 3 + [RIGHT] * 4 + [LEFT] * 5) == [(1, 3, "forward"), (1, 7, "backward")]


@pytest.mark.parametrize(
    "path",
    [
        [LEFT] * 5,
        [LEFT, LEFT, RIGHT, RIGHT, LEFT, LEFT, LEFT],  # flicker
        [LEFT] * 3 + [RIGHT, LEFT] * 9 + [LEFT] * 3,
        [LEFT] * 3 + [RIGHT] * 2,  # it ends too soon to tell
        [LEFT] * 2 + [RIGHT] * 9,  # and so it may begin
        [(5, 0), (5, 200), (15, 200)],  # round the end of the line
    ],
)
def test_what_does_not_last_is_no_crossing(path: list[Point]) -> None:
    assert crossed(path) == []


def test_jitter_on_the_line_counts_once_if_it_ends_on_the_other_side() -> None:
    assert crossed([LEFT] * 3 + [RIGHT, LEFT, RIGHT, LEFT] + [RIGHT] * 3) == [(1, 7, "forward")]


def test_frames_far_apart_are_not_in_a_row() -> None:
    """Boxes here and there that a tracker takes for one object cross nothing."""
    stray = [(1, frame, [place]) for frame, place in ((0, LEFT), (9, LEFT), (18, LEFT), (27, RIGHT))]
    path = seen(*stray, (1, 36, [RIGHT] * 3 + [LEFT] * 3))
    assert told(events_of(scene(GATE), Rules(3, gap=50), path)) == [(1, 39, "backward")]
    assert len(events_of(scene(GATE), Rules(3), path)) == 2


def test_each_crossing_in_the_same_direction_counts() -> None:
    around = [(5, 200), (5, 0)]
    path = [LEFT, LEFT, RIGHT, RIGHT, (15, 200), *around, LEFT, RIGHT, RIGHT]
    assert crossed(path, linger=2) == [(1, 2, "forward"), (1, 8, "forward")]


def test_a_way_into_a_zone_and_out_again() -> None:
    assert stayed([OUT] * 3 + [IN] * 4 + [OUT] * 3) == [(1, 3, "enters"), (1, 7, "leaves")]
    assert stayed([IN] * 4) == [(1, 0, "appears"), (1, 3, "disappears")]
    assert stayed([OUT] * 3 + [IN] * 3) == [(1, 3, "enters"), (1, 5, "disappears")]
    assert stayed([OUT] * 9) == []
    assert stayed([IN] * 2) == []
    assert stayed([IN] * 4 + [OUT] * 2) == [(1, 0, "appears"), (1, 5, "disappears")]


def test_flicker_at_the_edge_of_a_zone_is_one_stay() -> None:
    assert stayed([OUT] * 3 + [IN] * 3 + [OUT, IN, OUT, OUT] + [IN] * 5 + [OUT] * 3) == [
        (1, 3, "enters"),
        (1, 15, "leaves"),
    ]


def test_events_say_how_long_a_stay_was() -> None:
    path = seen((4, 10, [OUT] * 2 + [IN] * 8 + [OUT] * 2))
    assert events_of(scene(ROOM), Rules(2, 50), path) == [
        Event(12, 120, 0, 4, EventType.ENTERS),
        Event(17, 170, 0, 4, EventType.DWELLS, ticks=50),
        Event(20, 200, 0, 4, EventType.LEAVES, ticks=80),
    ]


def test_a_dwell_is_told_once_a_stay_and_not_by_flicker() -> None:
    stay = [IN] * 4 + [OUT] + [IN] * 4
    assert [event for event in stayed([*stay, *[OUT] * 3, *stay], dwell=60) if event[2] == "dwells"] == [
        (1, 6, "dwells"),
        (1, 18, "dwells"),
    ]
    assert not any(event[2] == "dwells" for event in stayed([IN] * 3 + [OUT] * 9 + [IN] * 3, dwell=60))
    assert stayed([IN] * 5, linger=4, dwell=0) == [(1, 0, "appears"), (1, 3, "dwells"), (1, 4, "disappears")]


def test_events_name_zones_before_lines() -> None:
    path = seen((1, 0, [(-5, 5), (5, 5), (15, 5)]), (2, 1, [(15, 5), (5, 5)]))
    events = events_of(scene(GATE, ROOM), Rules(1), path)
    assert [(event.target, event.track, event.frame, event.type) for event in events] == [
        *((0, 1, 1, "enters"), (0, 1, 2, "leaves"), (0, 2, 2, "enters"), (0, 2, 2, "disappears")),
        *((1, 1, 2, "crosses"), (1, 2, 2, "crosses")),
    ]
    assert [event.direction for event in events[4:]] == [Direction.FORWARD, Direction.BACKWARD]


_paths = st.lists(st.tuples(st.integers(0, 6), st.lists(point, min_size=1, max_size=20)), min_size=1, max_size=4)


@given(
    _paths,
    st.integers(1, 4),
    st.none() | st.integers(0, 60),
    st.lists(st.integers(0, 26), max_size=4),
    st.integers(1, 3),
)
def test_events_do_not_depend_on_how_frames_were_cut(
    paths: list[tuple[int, list[Point]]], linger: int, dwell: int | None, cuts: list[int], every: int
) -> None:
    where = scene(zone((1, 0), (4, 1), (2, 2), (3, 4)), line((0, 3), (2, 1), (2, 4)))
    sightings = seen(*((3 * number + 1, first, path) for number, (first, path) in enumerate(paths)))
    sightings = sightings.of((sightings.frame * sightings.track) % every == 0)
    rules = Rules(linger, dwell, gap=20)
    assert events_of(where, rules, sightings, cuts) == events_of(where, rules, sightings)


@given(_paths, st.integers(1, 4))
def test_who_comes_goes_and_who_crosses_comes_out_on_the_other_side(
    paths: list[tuple[int, list[Point]]], linger: int
) -> None:
    corners = [(1, 1), (3, 1), (3, 3), (1, 3)]
    where = scene(zone(*corners), line(*corners, corners[0]))
    for number, (first, path) in enumerate(paths):
        held = events_of(where, Rules(linger), seen((number + 1, first, path)))
        kinds = [event.type for event in held]
        arrived = kinds.count(EventType.ENTERS) + kinds.count(EventType.APPEARS)
        assert arrived == kinds.count(EventType.LEAVES) + kinds.count(EventType.DISAPPEARS)
        if linger == 1:
            # Drawn to the right around the area: what is in it is on its right.
            net = sum(1 if event.direction == Direction.FORWARD else -1 for event in held if event.direction)
            assert net == kinds.count(EventType.ENTERS) - kinds.count(EventType.LEAVES)


def block(frames: list[int], counts: list[int], boxes: list[list[int]]) -> Block:
    return Block(
        np.array(frames),
        10 * np.array(frames),
        np.array(counts, np.uint32),
        np.zeros(len(boxes), np.uint16),
        np.zeros(len(boxes), np.uint16),
        np.array(boxes, np.int32),
    )


def test_objects_without_a_track_and_single_sightings_never_count() -> None:
    walk = block(list(range(200)), [1] * 200, [[0, 0, 100, 5 * frame] for frame in range(200)])
    where = place([{"name": "a", "polygon": [[0, 0], [1, 0], [1, 0.5], [0, 0.5]]}], [], 10, 10)
    assert not len(sightings(walk, np.zeros(200, np.int32), FOOT, 10, 10))
    each = sightings(walk, np.arange(1, 201, dtype=np.int32), FOOT, 10, 10)
    assert events_of(where, Rules(2), each) == []
    assert told(events_of(where, Rules(2), sightings(walk, np.ones(200, np.int32), FOOT, 10, 10))) == [
        (1, 0, "appears"),
        (1, 100, "leaves"),
    ]


def test_a_track_is_where_its_foot_or_its_centre_is() -> None:
    found = block([7, 8], [2, 1], [[100, 200, 301, 405], [0, 0, 50, 50], [600, 4000, 700, 5000]])
    ids = np.array([5, 0, 9], np.int32)
    feet = sightings(found, ids, FOOT, 64, 48)
    assert [column.tolist() for column in (feet.frame, feet.time, feet.track)] == [[7, 8], [70, 80], [5, 9]]
    assert feet.point.tolist() == [[200, 405], [650, 4799]]
    assert sightings(found, ids, CENTRE, 64, 48).point.tolist() == [[200, 302], [650, 4500]]


def test_a_scene_fits_frames_of_any_size() -> None:
    shapes = (
        [{"name": "door", "polygon": [[0.25, 0.5], [1, 0], [1, 1]]}],
        [{"name": "in", "points": [[0, 0], [0.5, 1]]}],
    )
    small, large = place(*shapes, 64, 48), place(*shapes, 640, 480)
    assert small.zones[0].polygon.tolist() == [[1600, 2400], [6400, 0], [6400, 4800]]
    assert (large.lines[0].points == 10 * small.lines[0].points).all()
    assert small.bounds.tolist() == [[1600, 0, 6400, 4800], [0, 0, 3200, 4800]]

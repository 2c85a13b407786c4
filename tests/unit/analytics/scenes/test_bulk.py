"""Events of many tracks at once are those that the fold of live streams tells, track by track."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.scenes.bulk import BulkFold
from analytics.scenes.columns import joined
from analytics.scenes.events import Event
from analytics.scenes.geometry import crossings, inside, touched
from analytics.scenes.levels import Rules
from analytics.scenes.scene import Scene, Sightings
from tests.unit.analytics.scenes.made import Point, array, events_of, line, point, scene, zone

# A piece of a track: its number, frames that it is not seen before, and where it is then, so many frames on each place.
_piece = st.tuples(
    st.integers(1, 5), st.integers(0, 9), st.lists(st.tuples(point, st.sampled_from([1, 1, 2, 3, 12])), max_size=12)
)
_rules = st.builds(
    Rules, st.integers(1, 4), st.none() | st.integers(0, 60), st.none() | st.just(20), st.none() | st.integers(0, 30)
)
_shapes = st.tuples(
    st.lists(st.lists(point, min_size=3, max_size=6), max_size=2),
    st.lists(st.lists(point, min_size=2, max_size=6), max_size=2),
)


def sighted(pieces: Sequence[tuple[int, int, Sequence[tuple[Point, int]]]], ticks: Sequence[int]) -> Sightings:
    """Tracks whose pieces follow each other, in the order of frames. ticks: that frames last, in turns."""
    rows: list[tuple[int, ...]] = []
    free: dict[int, int] = {}
    for track, missed, places in pieces:
        frame = free.get(track, track) + missed
        for place, frames in places:
            rows += [(frame + i, track, *place) for i in range(frames)]
            frame += frames
        free[track] = frame
    columns = np.array(sorted(rows), np.int64).reshape(-1, 4)
    time = np.concatenate([[0], np.cumsum(np.resize(ticks, columns[:, 0].max(initial=0) + 1))])
    return Sightings(columns[:, 0], time[columns[:, 0]], columns[:, 1], columns[:, 2:])


def in_bulk(where: Scene, rules: Rules, seen: Sightings, cuts: Sequence[int]) -> list[Event]:
    """All events. cuts: frames before which a piece ends, and with it the tracks that are seen no more."""
    fold, done, parts = BulkFold(where, rules), -1, []
    for cut in [*sorted(cuts), 2**40]:
        part = seen.of((seen.frame >= done) & (seen.frame < cut))
        parts.append(fold.advance(part.of(np.argsort(part.track, kind="stable"))))
        parts.append(fold.end(np.setdiff1d(part.track, seen.track[seen.frame >= cut])))
        done = cut
    return joined([*parts, fold.finish()]).in_order()


@settings(max_examples=150)
@example(([], []), Rules(1), [(1, 0, [((0, 0), 1)])], [10], [])
@given(
    _shapes,
    _rules,
    st.lists(_piece, max_size=12),
    st.lists(st.sampled_from([0, 1, 10, 25]), min_size=1),
    st.lists(st.integers(0, 120), max_size=3),
)
def test_they_are_those_told_track_by_track(
    shapes: tuple[list[list[Point]], list[list[Point]]],
    rules: Rules,
    pieces: list[tuple[int, int, list[tuple[Point, int]]]],
    ticks: list[int],
    cuts: list[int],
) -> None:
    where = scene(*(zone(*corners) for corners in shapes[0]), *(line(*points) for points in shapes[1]))
    seen = sighted(pieces, ticks)
    expected = events_of(where, rules, seen)
    assert in_bulk(where, rules, seen, cuts) == expected


@pytest.mark.parametrize("rules", [Rules(3, 40, 5), Rules(1, 0), Rules(3, 30), Rules(4, 0, 20, 10)])
def test_walks_that_tremble_on_lines_and_corners_have_the_same_events(rules: Rules) -> None:
    """Long ones, most of whose places are nowhere near; some frames are missing, and tracks swap their numbers."""
    random = np.random.default_rng(7)
    frames, count = 2000, 4
    walk = np.cumsum(random.integers(-1, 2, (frames, count, 2)), axis=0) + 20
    track = np.tile(np.arange(1, count + 1), (frames, 1))
    track[900:, :2] = track[900:, 1::-1]
    kept = (random.random((frames, count)) > 0.1) & (np.arange(frames)[:, None] % 700 > 20)
    frame = np.repeat(np.arange(frames), count).reshape(frames, count)[kept]
    seen = Sightings(frame, 5 * frame, track[kept], walk[kept])
    bent, star = [(0, 0), (20, 20), (20, 35), (45, 30)], [(10, 10), (30, 14), (24, 22), (28, 40), (12, 30)]
    where = scene(zone(*star), zone((20, 20), (40, 20), (40, 21), (20, 21)), line(*bent), line((20, 60), (20, 0)))
    expected = events_of(where, rules, seen)
    assert len({event.type for event in expected}) >= 5
    assert len(expected) > 100
    assert in_bulk(where, rules, seen, [1, 2, *range(0, 700, 9)]) == expected


_rectangle = st.tuples(point, point)


@given(st.lists(point, min_size=2, max_size=6), st.lists(_rectangle, min_size=1, max_size=8))
def test_nothing_happens_in_a_rectangle_that_an_outline_does_not_touch(
    line: list[Point], rectangles: list[tuple[Point, Point]]
) -> None:
    corners = np.array(rectangles, np.int64)
    low, high = corners.min(axis=1), corners.max(axis=1)
    every = array([(x, y) for x in range(5) for y in range(5)])
    open_, closed = touched(array(line), low, high), touched(array([*line, line[0]]), low, high)
    for number in range(len(rectangles)):
        there = every[((every >= low[number]) & (every <= high[number])).all(axis=1)]
        if not open_[number]:
            start, end = np.repeat(there, len(there), axis=0), np.tile(there, (len(there), 1))
            assert not crossings(array(line), start, end).any()
        if not closed[number]:
            assert len(set(inside(array(line), there).tolist())) == 1


def test_a_slanted_line_touches_only_what_it_passes() -> None:
    low = array([(0, 0), (0, 3), (3, 0), (1, 1), (3, 3), (5, 5)])
    high = low + 1
    assert touched(array([(0, 0), (4, 4)]), low, high).tolist() == [True, False, False, True, True, False]
    assert touched(array([(4, 0), (0, 4)]), low, high).tolist() == [False, True, True, True, False, False]

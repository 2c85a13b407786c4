"""Filling: boxes between two inferred frames."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.boxes import Boxes
from analytics.filling import fill
from tests.unit.analytics.made import Row, boxes, mirrored_in_time, rows_of, scaled, sequence

BOUNDS = (0, 0, 8000, 8000)
FAR = (-(10**9), -(10**9), 10**9, 10**9)
S = 1_000_000


def between(times: list[int], parts: int = 5) -> list[list[int]]:
    """Times that divide each gap evenly."""
    return [[start + (stop - start) * part // parts for part in range(1, parts)] for start, stop in pairwise(times)]


def one_gap(before: Boxes, after: Boxes, *times: int, seconds: float = 1, min_score: float = 0.35) -> list[list[Row]]:
    [filled] = fill([before, after], [0, int(seconds * S)], [times], min_score, BOUNDS)
    return [rows_of(frame) for frame in filled]


@given(sequence())
def test_filled_boxes_lie_within_the_bounds_and_reach_min_score(made: tuple[list[Boxes], list[int]]) -> None:
    frames, times = made
    for gap, inside in zip(fill(frames, times, between(times), 0.35, BOUNDS), between(times), strict=True):
        assert len(gap) == len(inside)
        for frame in gap:
            assert frame.confident == len(frame)
            assert (frame.score >= 3500).all()
            assert frame.score.tolist() == sorted(frame.score.tolist(), reverse=True)
            assert ((frame.box >= 0) & (frame.box <= 8000)).all()
            assert (frame.box[:, 2:] > frame.box[:, :2]).all()


@settings(max_examples=40)
@given(sequence())
def test_time_reversed_fills_in_the_same_boxes(made: tuple[list[Boxes], list[int]]) -> None:
    frames, times = made
    inner = between(times)
    turned = [[times[-1] - time for time in reversed(gap)] for gap in reversed(inner)]
    forward = fill(frames, times, inner, 0.35, FAR)
    backward = fill(frames[::-1], mirrored_in_time(times), turned, 0.35, FAR)
    for gap, other in zip(forward, backward[::-1], strict=True):
        for one, two in zip(gap, other[::-1], strict=True):
            assert agree(one, two, 1)


@settings(max_examples=40)
@given(sequence(), st.sampled_from([2, 8]))
def test_a_larger_picture_has_larger_boxes(made: tuple[list[Boxes], list[int]], factor: int) -> None:
    frames, times = made
    small = fill(frames, times, between(times), 0.35, FAR)
    large = fill([scaled(frame, factor) for frame in frames], times, between(times), 0.35, FAR)
    for gap, other in zip(small, large, strict=True):
        for one, two in zip(gap, other, strict=True):
            assert agree(scaled(one, factor), two, factor)


def agree(one: Boxes, other: Boxes, tolerance: int) -> bool:
    """Whether two frames have the same boxes but for rounding, which may make very thin ones vanish."""

    def has(frame: Boxes, row: Row) -> bool:
        near = np.abs(frame.box - np.array(row[2:])).max(axis=1, initial=0) <= tolerance
        return bool((near & (frame.class_id == row[0]) & (frame.score == row[1])).any())

    def thick(frame: Boxes) -> list[Row]:
        return [row for row in rows_of(frame) if min(row[4] - row[2], row[5] - row[3]) > 2 * tolerance]

    return all(has(other, row) for row in thick(one)) and all(has(one, row) for row in thick(other))


def test_an_object_moves_evenly_between_two_frames() -> None:
    before, after = boxes((3, 9000, 0, 0, 1000, 1000)), boxes((3, 8000, 1000, 400, 2000, 1400))
    assert one_gap(before, after, S // 4, S // 2) == [
        [(3, 8654, 250, 100, 1250, 1100)],
        [(3, 8500, 500, 200, 1500, 1200)],
    ]


def test_an_object_that_speeds_up_moves_on_a_curve() -> None:
    frames = [boxes((0, 9000, x, 0, x + 1000, 1000)) for x in (0, 1000, 3000)]
    first, second = fill(frames, [0, S, 2 * S], [[S // 2], [3 * S // 2]], 0.35, BOUNDS)
    # Slopes: 1000 at the start, 1500 in the middle, 2000 at the end.
    assert first[0].box[0, 0] == round(500 + (1000 - 1500) / 8)
    assert second[0].box[0, 0] == round(2000 + (1500 - 2000) / 8)


def test_a_score_is_near_that_of_the_nearer_frame_and_min_score_holds() -> None:
    sure, low = boxes((0, 9000, 0, 0, 1000, 1000)), boxes((0, 2000, 0, 0, 1000, 1000))
    times = [part * S // 8 for part in range(1, 8)]
    gap, most = (one_gap(sure, low, *times, min_score=least) for least in (0.35, 0.5))
    assert [frame[0][1] for frame in gap] == [7424, 6577, 5991, 5500, 5009, 4423, 3576]
    assert most == [*gap[:5], [], []]


def test_a_score_is_near_the_mean_of_those_that_are_known_around() -> None:
    """Of 0.9 between two frames in which the object has 0.4, one is an exception."""
    frames = [boxes((0, score, 0, 0, 1000, 1000)) for score in (4000, 9000, 4000, 4000)]
    middles = [[S // 2], [3 * S // 2], [5 * S // 2]]
    first, second, third = (gap[0].score[0] for gap in fill(frames, [0, S, 2 * S, 3 * S], middles, 0.35, BOUNDS))
    assert first > second > third > 4000
    assert second < 6500, "the mean of both ends"


@settings(max_examples=40)
@given(sequence())
def test_scores_lie_between_those_of_the_frames_around(made: tuple[list[Boxes], list[int]]) -> None:
    frames, times = made
    for gap in fill(frames, times, between(times), 0.35, FAR):
        for filled in gap:
            assert (filled.score <= max(frame.score.max(initial=0) for frame in frames)).all()


def test_without_a_partner_a_box_stays_for_half_of_the_gap_and_its_score_falls() -> None:
    alone, unsure = (boxes((0, score, 0, 0, 1000, 1000)) for score in (9000, 4000))
    times = (S // 4, S // 2 - 1, S // 2, S // 2 + 1, 3 * S // 4)
    here = [[(0, score, 0, 0, 1000, 1000)] for score in (6750, 4500)]
    assert one_gap(alone, boxes(), *times) == [*here, [], [], []]
    assert one_gap(boxes(), alone, *times) == [[], [], [], *here[::-1]]
    assert one_gap(unsure, boxes(), S // 10, S // 5) == [[(0, 3600, 0, 0, 1000, 1000)], []]


def test_a_low_box_without_a_partner_is_no_object() -> None:
    assert one_gap(boxes((0, 2000, 0, 0, 1000, 1000)), boxes(), S // 4) == [[]]


def test_without_a_partner_a_box_goes_on_at_its_pace_and_out_of_the_picture() -> None:
    coming = [boxes((0, 9000, x, 0, x + 1000, 1000)) for x in (5000, 6500)]
    _, gap = fill([*coming, boxes()], [0, S, 2 * S], [[], [S + S // 5, S + 2 * S // 5]], 0.35, (0, 0, 7000, 8000))
    assert [rows_of(frame) for frame in gap] == [[(0, 7200, 6800, 0, 7000, 1000)], []]


def test_nothing_between_is_nothing() -> None:
    empty = boxes()
    assert fill([empty], [0], [], 0.35, BOUNDS) == []
    assert fill([empty, empty], [0, S], [[]], 0.35, BOUNDS) == [[]]
    assert one_gap(empty, empty, S // 2) == [[]]

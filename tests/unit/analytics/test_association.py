"""Association: pairs of boxes that are the same object."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.association import associate, link
from analytics.boxes import Boxes
from tests.unit.analytics.made import boxes, frame, mirrored_in_time, scaled, sequence

seconds = st.floats(0.004, 10)


def pairs(before: Boxes, after: Boxes, gap: float) -> list[tuple[int, int]]:
    found = associate(before, after, gap)
    return list(zip(found.before.tolist(), found.after.tolist(), strict=True))


@given(frame, frame, seconds)
def test_each_box_has_one_partner_of_its_label_at_most(before: Boxes, after: Boxes, gap: float) -> None:
    found = pairs(before, after, gap)
    assert len({one for one, _ in found}) == len({other for _, other in found}) == len(found)
    assert all(before.class_id[one] == after.class_id[other] for one, other in found)
    assert found == sorted(found)


@given(frame, frame, seconds)
def test_time_reversed_gives_the_same_pairs(before: Boxes, after: Boxes, gap: float) -> None:
    assert sorted((one, other) for other, one in pairs(after, before, gap)) == pairs(before, after, gap)


@given(frame, frame, seconds, st.sampled_from([2, 4, 16]))
def test_pictures_of_another_size_have_the_same_pairs(before: Boxes, after: Boxes, gap: float, factor: int) -> None:
    assert pairs(scaled(before, factor), scaled(after, factor), gap) == pairs(before, after, gap)


@given(sequence())
def test_a_sequence_reversed_gives_the_same_pairs_in_both_passes(made: tuple[list[Boxes], list[int]]) -> None:
    frames, times = made
    forward = [set(zip(one.before.tolist(), one.after.tolist(), strict=True)) for one in link(frames, times)]
    backward = [
        set(zip(one.after.tolist(), one.before.tolist(), strict=True))
        for one in link(frames[::-1], mirrored_in_time(times))
    ]
    assert forward == backward[::-1]


@given(frame)
def test_the_same_frame_twice_pairs_each_box_with_itself_or_an_equal_one(same: Boxes) -> None:
    found = pairs(same, same, 0.1)
    assert len(found) == len(same)
    assert all((same.box[one] == same.box[other]).all() for one, other in found)


def test_an_empty_frame_has_no_pairs() -> None:
    assert pairs(boxes(), boxes((0, 9000, 0, 0, 10, 10)), 1) == []
    assert pairs(boxes((0, 9000, 0, 0, 10, 10)), boxes(), 1) == []


def test_equal_costs_are_decided_by_index() -> None:
    same = boxes(*[(0, 9000, 0, 0, 1000, 1000)] * 3)
    assert pairs(same, same, 1) == [(0, 0), (1, 1), (2, 2)]


def test_confident_boxes_choose_first() -> None:
    before = boxes((0, 9000, 0, 0, 1000, 1000))
    after = boxes((0, 8000, 300, 0, 1300, 1000), (0, 2000, 0, 0, 1000, 1000))
    assert pairs(before, after, 0.5) == [(0, 0)]


@pytest.mark.parametrize(
    ("way", "gap", "linked"), [(1100, 0.5, True), (1200, 0.5, False), (3000, 9, True), (3100, 9, False)]
)
def test_the_way_grows_with_time_up_to_a_limit(way: int, gap: float, linked: bool) -> None:
    assert bool(pairs(boxes((0, 9000, 0, 0, 1000, 1000)), boxes((0, 9000, way, 0, way + 1000, 1000)), gap)) == linked


def test_a_box_that_is_of_another_shape_is_another_object() -> None:
    before = boxes((0, 9000, 0, 0, 1000, 1000))
    assert pairs(before, boxes((0, 9000, 0, 0, 2200, 1000)), 1) == [(0, 0)]
    assert pairs(before, boxes((0, 9000, 0, 0, 2300, 1000)), 1) == []


def test_velocities_tell_apart_what_crosses() -> None:
    """Two objects that pass each other: in the gap where they meet, each is nearer to where the other one goes."""

    def at(time: float) -> Boxes:
        left, right = int(1500 * time), int(4500 - 1500 * time)
        return boxes((0, 9000, left, 0, left + 1000, 1000), (0, 8900, right, 100, right + 1000, 1100))

    times = [0, 1_200_000, 1_800_000, 3_000_000]
    frames = [at(time / 1e6) for time in times]
    assert pairs(frames[1], frames[2], 0.6) == [(0, 1), (1, 0)], "the clip proves nothing"
    # Only the first pass mixes them up where the ends do not know better.
    middle = link(frames, times)[1]
    assert list(zip(middle.before.tolist(), middle.after.tolist(), strict=True)) == [(0, 0), (1, 1)]


def test_a_point_is_a_box() -> None:
    point = boxes((0, 9000, 5, 5, 5, 5))
    assert pairs(point, point, 0.1) == [(0, 0)]
    assert not np.isnan(associate(point, point, 0.1).distance).any()

"""What the benchmarks make of their figures."""

import numpy as np
import pytest

from contracts.results.codec import Block, Detections, pack
from tests.support.measuring.matching import matched, score_difference
from tests.support.measuring.ratio import ratio, rounds


def test_a_ratio_is_that_of_pairs_and_its_interval_holds_it() -> None:
    found = ratio([2.0, 20.0, 6.0], [1.0, 10.0, 2.0])
    assert (found.median, found.pairs) == (2.0, 3)
    assert found.low == 2.0
    assert found.high == 3.0


def test_each_runs_once_a_round_and_none_is_always_first() -> None:
    order: list[str] = []
    rounds(["a", "b", "c"], 6, order.append)
    turns = [order[start : start + 3] for start in range(0, 18, 3)]
    assert all(sorted(turn) == ["a", "b", "c"] for turn in turns)
    assert {turn[0] for turn in turns} == {"a", "b", "c"}


def block(*frames: list[tuple[int, float, list[float]]]) -> Block:
    found = [
        Detections(
            np.array([item[0] for item in frame], np.int64),
            np.array([item[1] for item in frame]),
            np.array([item[2] for item in frame]).reshape(-1, 4),
        )
        for frame in frames
    ]
    return pack(0, range(len(frames)), found)


BOX = [0.0, 0.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ([(1, 0.8, BOX), (2, 0.7, BOX)], 1.0),
        ([(1, 0.8, BOX)], 0.5),
        ([(1, 0.3, BOX), (2, 0.7, BOX)], 0.5),  # not sure enough
        ([(1, 0.8, [0.0, 0.0, 10.0, 4.0]), (2, 0.7, BOX)], 0.5),  # too little in common
        ([(3, 0.8, BOX), (2, 0.7, BOX)], 0.5),
        ([], 0.0),
    ],
)
def test_boxes_match_by_class_place_and_score(other: list[tuple[int, float, list[float]]], share: float) -> None:
    reference = block([(1, 0.9, BOX), (2, 0.6, BOX), (3, 0.1, BOX)])
    assert matched(reference, block(other)) == share


def test_one_box_is_no_partner_of_two() -> None:
    reference = block([(1, 0.9, BOX), (1, 0.8, BOX)])
    assert matched(reference, block([(1, 0.9, BOX)])) == 0.5


def test_scores_are_compared_where_both_are_sure() -> None:
    reference = block([(1, 0.9, BOX)], [(1, 0.2, BOX)], [(1, 0.8, BOX)])
    other = block([(1, 0.7, BOX)], [(1, 0.9, BOX)], [(1, 0.7, BOX)])
    assert score_difference(reference, other) == pytest.approx(0.15)

"""How well objects are followed on a street that is made up, beside another tracker on the same boxes.

The figures of the other one are of ByteTrackTracker of `trackers` 2.6.1 with track_activation_threshold and
high_conf_det_threshold 0.4, lost_track_buffer 60 and the frame_rate of the scene, all else as it comes
(tests/long/test_trackers.py runs it); those of `motrics` 0.3.0 (compute_hota, compute_identity) are the scores of both.
"""

from collections.abc import Sequence

import numpy as np
import pytest

from cli.evaluation.tracking_scores import Frame, Scores, assign, counted
from tests.support.tracking.followed import found, truth
from tests.support.tracking.scene import street

NEAR = 0.01


def scores(truth: Sequence[Frame], found: Sequence[Frame]) -> Scores:
    return counted(truth, found).scores


@pytest.mark.parametrize(
    ("objects", "fps", "frames", "seed", "hota", "idf1"),
    [
        (5, 25, 250, 5, 0.8533, 0.9734),
        (20, 25, 250, 1, 0.8039, 0.9054),
        (60, 25, 100, 3, 0.7766, 0.9010),
        (20, 5, 100, 2, 0.7901, 0.9251),
    ],
)
def test_tracks_are_as_good_as_those_of_another_tracker(
    objects: int, fps: float, frames: int, seed: int, hota: float, idf1: float
) -> None:
    scene = street(objects, frames, fps=fps, seed=seed)
    ours = scores(truth(scene), found(scene))
    assert ours.hota >= hota - NEAR
    assert ours.idf1 >= idf1 - NEAR


def test_a_frame_a_second_is_enough() -> None:
    scene = street(8, 100, fps=1, seed=4)
    assert scores(truth(scene), found(scene)).hota > 0.7


def test_the_scores_are_those_of_others() -> None:
    whole = truth(street(10, 80, seed=6))
    perfect = scores(whole, whole)
    assert (perfect.hota, perfect.deta, perfect.assa, perfect.idf1) == pytest.approx((1, 1, 1, 1))
    other = [
        (ids[ids % 5 > 0] + 100 * (frame > 50), boxes[ids % 5 > 0] + 9) for frame, (ids, boxes) in enumerate(whole)
    ]
    made = scores(whole, other)
    assert (made.hota, made.deta, made.assa, made.idf1) == pytest.approx((0.5527, 0.6647, 0.4729, 0.6591), abs=1e-4)


def test_nothing_found_scores_nothing() -> None:
    whole = truth(street(5, 20, seed=6))
    empty = [(ids[:0], boxes[:0]) for ids, boxes in whole]
    assert scores(whole, empty).hota == scores(whole, empty).idf1 == 0


def test_pairs_have_the_largest_sum() -> None:
    greedy_is_wrong = np.array([[0.9, 0.8, 0.0], [0.8, 0.1, 0.0]])
    rows, columns = assign(greedy_is_wrong)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]

"""YOLOv8 to YOLO11: against a naive implementation, and what their numbers mean."""

import numpy as np
from hypothesis import given, settings
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.models import catalogue
from contracts.results.codec import Detections
from detector import heads
from detector.heads import yolo
from detector.view import view
from tests.support.models.naive_heads import (
    Found,
    Placed,
    assert_equal,
    assert_in_order,
    chosen,
    classes,
    seeds,
    sizes,
    stretched,
    thresholds,
)

SMALL = replace(catalogue.bundled("nanodet-g"), input_size=(32, 32), labels=("a", "b", "c"), head="yolo")


def random_output(seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(-8, 40, (4, 21)), rng.integers(0, 9, (3, 21)) / 8]).astype(np.float32)


def decoded(
    output: NDArray[np.float32], size: tuple[int, int], min_score: float, class_ids: set[int] | None = None
) -> Detections:
    return yolo.decode({"output0": output}, SMALL, view(SMALL, size), min_score, class_ids)


def naive(output: NDArray[np.float32]) -> list[Found]:
    found = []
    for cell in range(output.shape[1]):
        x, y, width, height, *scores = (float(row[cell]) for row in output)
        width, height = max(width, 0), max(height, 0)
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        found += [Found(score, class_id, cell, box) for class_id, score in enumerate(scores)]
    return found


@settings(max_examples=100)
@given(seed=seeds, size=sizes, min_score=thresholds, class_ids=classes)
def test_the_head_equals_a_naive_one(seed: int, size: tuple[int, int], min_score: float, class_ids: set[int]) -> None:
    output = random_output(seed)
    found = decoded(output, size, min_score, class_ids)
    expected = chosen(naive(output), stretched(size, (32, 32)), min_score, class_ids, yolo.MAX_IOU)
    assert_equal(found, expected, size)
    assert_in_order(found, size, min_score)


def test_boxes_come_back_from_a_frame_in_the_middle_of_the_input() -> None:
    model = replace(SMALL, fit="pad_centre")
    output = random_output(7)
    # 64 x 32 in 32 x 32: half as large, from the eighth row on.
    found = yolo.decode({"output0": output}, model, view(model, (64, 32)), 0.3)
    expected = chosen(naive(output), Placed((64, 32), (0.5, 0.5), (0, 8)), 0.3, {0, 1, 2}, yolo.MAX_IOU)
    assert len(expected) > 5
    assert_equal(found, expected, (64, 32))


def test_suppression_is_per_class() -> None:
    output = np.zeros((7, 2), np.float32)
    output[:4] = np.array([16, 16, 8, 8])[:, None]
    output[4, 0], output[5, 1] = 0.5, 0.75
    assert decoded(output, (32, 32), 0.3).class_id.tolist() == [1, 0]
    output[4], output[5] = (0.5, 0.75), 0
    assert decoded(output, (32, 32), 0.3).score.tolist() == [0.75]


def test_head_declares_its_outputs() -> None:
    assert heads.get(SMALL).shapes(SMALL) == {"output0": (7, None)}

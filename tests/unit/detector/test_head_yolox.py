"""YOLOX: against a naive implementation, and what its numbers mean."""

import math

import numpy as np
from hypothesis import given, settings
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.models import catalogue
from contracts.models.catalogue import HeadOptions, Model
from contracts.results.codec import Detections
from detector import heads
from detector.heads import yolox
from detector.view import view
from tests.support.models.naive_heads import (
    Found,
    assert_equal,
    assert_in_order,
    chosen,
    classes,
    seeds,
    sizes,
    stretched,
    thresholds,
)

# 16 + 4 + 1 cells of 3 classes.
SMALL = replace(catalogue.bundled("nanodet-g"), input_size=(32, 32), labels=("a", "b", "c"), head="yolox")
DECODED = replace(SMALL, head_options=HeadOptions(decoded=True))
CELLS = [(x, y, s) for s in (8, 16, 32) for y in range(32 // s) for x in range(32 // s)]


def random_output(seed: int, model: Model = SMALL) -> NDArray[np.float32]:
    """Few different scores, so that equal ones come; offsets and sizes of all kinds."""
    rng = np.random.default_rng(seed)
    boxes = rng.normal(0, 1, (21, 4)) if model is SMALL else rng.uniform(-8, 40, (21, 4))
    return np.concatenate([boxes, rng.integers(0, 9, (21, 4)) / 8], axis=1).astype(np.float32)


def decoded(
    output: NDArray[np.float32],
    size: tuple[int, int],
    min_score: float,
    class_ids: set[int] | None = None,
    model: Model = SMALL,
) -> Detections:
    return yolox.decode({"output": output}, model, view(model, size), min_score, class_ids)


def naive(output: NDArray[np.float32], model: Model) -> list[Found]:
    found = []
    for cell, row in enumerate(output.tolist()):
        x, y, width, height, objectness, *scores = row
        if not model.head_options.decoded:
            column, line, stride = CELLS[cell]
            x, y = (x + column) * stride, (y + line) * stride
            width, height = math.exp(width) * stride, math.exp(height) * stride
        width, height = max(width, 0), max(height, 0)
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        found += [Found(objectness * score, class_id, cell, box) for class_id, score in enumerate(scores)]
    return found


@settings(max_examples=100)
@given(seed=seeds, size=sizes, min_score=thresholds, class_ids=classes)
def test_the_head_equals_a_naive_one(seed: int, size: tuple[int, int], min_score: float, class_ids: set[int]) -> None:
    for model in (SMALL, DECODED):
        output = random_output(seed, model)
        found = decoded(output, size, min_score, class_ids, model)
        expected = chosen(naive(output, model), stretched(size, (32, 32)), min_score, class_ids, yolox.MAX_IOU)
        assert_equal(found, expected, size)
        assert_in_order(found, size, min_score)


def test_a_cell_counts_from_its_corner_in_strides() -> None:
    output = np.zeros((21, 8), np.float32)
    output[16 + 3] = [0.5, -0.25, math.log(2), 0, 0.5, 0, 0, 0.5]  # stride 16, second row and column
    found = decoded(output, (32, 32), 0.25)
    assert found.class_id.tolist() == [2]
    assert found.score.tolist() == [0.25]
    np.testing.assert_allclose(found.box, [[8, 4, 32, 20]], atol=1e-5)  # centre (24, 12), 32 by 16, clipped at 32


def test_decoded_boxes_are_taken_as_they_are_and_may_be_several_to_a_cell() -> None:
    output = np.zeros((63, 8), np.float32)
    output[62] = [16, 8, 8, 4, 1, 0, 0.75, 0]
    found = decoded(output, (64, 32), 0.5, model=DECODED)
    assert found.box.tolist() == [[24, 6, 40, 10]]
    assert heads.get(DECODED).shapes(DECODED) == {"output": (None, 8)}
    assert heads.get(SMALL).shapes(SMALL) == {"output": (21, 8)}


def test_a_size_without_bounds_is_as_large_as_the_frame() -> None:
    output = np.zeros((21, 8), np.float32)
    output[0] = [0, 0, 1e9, 1e9, 1, 1, 0, 0]
    assert decoded(output, (100, 50), 0.5).box.tolist() == [[0, 0, 100, 50]]


def test_an_entry_can_ask_for_another_overlap() -> None:
    output = np.zeros((21, 8), np.float32)
    output[0], output[1] = [16, 16, 16, 16, 1, 0.5, 0, 0], [18, 16, 16, 16, 1, 0.75, 0, 0]
    assert len(decoded(output, (32, 32), 0.4, model=DECODED).score) == 1
    mild = replace(DECODED, head_options=HeadOptions(decoded=True, max_iou=0.9))
    assert len(decoded(output, (32, 32), 0.4, model=mild).score) == 2

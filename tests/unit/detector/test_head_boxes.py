"""Final boxes: against a naive implementation, and what the options mean."""

from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.models import catalogue
from contracts.models.catalogue import HeadOptions, Model
from contracts.results.codec import Detections
from detector import heads
from detector.heads import boxes
from detector.tensors import Outputs
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

SMALL = replace(catalogue.bundled("nanodet-g"), input_size=(64, 32), labels=("a", "b", "c"), head="boxes")
OPTIONS = [
    msgspec.convert({"box": box, "units": units, "first_label": first}, HeadOptions)
    for box, units, first in product(("xyxy", "yxyx", "cxcywh"), ("pixel", "unit"), (0, 1))
]


def random_outputs(seed: int, rows: int) -> Outputs:
    """Among them rows that only fill up, and boxes with their corners the wrong way round."""
    rng = np.random.default_rng(seed)
    return {
        "boxes": rng.uniform(-0.25, 1.25, (rows, 4)).astype(np.float32),
        "scores": (rng.integers(0, 9, rows) / 8).astype(np.float32),
        "labels": rng.integers(-1, 5, rows).astype(np.float32),
    }


def decoded(
    outputs: Outputs, model: Model, size: tuple[int, int], min_score: float, class_ids: set[int] | None = None
) -> Detections:
    return boxes.decode(outputs, model, view(model, size), min_score, class_ids)


def naive(outputs: Outputs, options: HeadOptions) -> list[Found]:
    found = []
    rows = zip(outputs["boxes"].tolist(), outputs["scores"].tolist(), outputs["labels"].tolist(), strict=True)
    for row, (box, score, label) in enumerate(rows):
        number = int(label) - options.first_label
        if number not in (0, 1, 2) or score == 0:
            continue
        a, b, c, d = box
        match options.box:
            case "yxyx":
                a, b, c, d = b, a, d, c
            case "cxcywh":
                a, b, c, d = a - max(c, 0) / 2, b - max(d, 0) / 2, a + max(c, 0) / 2, b + max(d, 0) / 2
        if options.units == "unit":
            a, b, c, d = a * 64, b * 32, c * 64, d * 32
        found.append(Found(score, number, row, [a, b, max(a, c), max(b, d)]))
    return found


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: f"{o.box}-{o.units}-{o.first_label}")
@settings(max_examples=30)
@given(seed=seeds, rows=st.integers(0, 12), size=sizes, min_score=thresholds, class_ids=classes)
def test_the_head_equals_a_naive_one(
    options: HeadOptions, seed: int, rows: int, size: tuple[int, int], min_score: float, class_ids: set[int]
) -> None:
    outputs = random_outputs(seed, rows)
    found = decoded(outputs, replace(SMALL, head_options=options), size, min_score, class_ids)
    expected = chosen(naive(outputs, options), stretched(size, (64, 32)), min_score, class_ids, None)
    assert_equal(found, expected, size)
    assert_in_order(found, size, min_score)


def test_overlaps_are_removed_where_the_entry_says_so() -> None:
    outputs = {
        "boxes": np.array([[0, 0, 10, 10], [1, 0, 11, 10]], np.float32),
        "scores": np.array([0.5, 0.75], np.float32),
        "labels": np.array([2, 2], np.float32),
    }
    assert decoded(outputs, SMALL, (64, 32), 0.3).score.tolist() == [0.75, 0.5]
    strict = replace(SMALL, head_options=HeadOptions(max_iou=0.5))
    assert decoded(outputs, strict, (64, 32), 0.3).score.tolist() == [0.75]


def test_columns_of_one_output_are_what_three_outputs_are() -> None:
    outputs = random_outputs(5, 12)
    joined = replace(SMALL, head_options=HeadOptions(joined=True))
    assert heads.get(joined).shapes(joined) == {"output": (None, 6)}
    rows = np.hstack([outputs["boxes"], outputs["scores"][:, None], outputs["labels"][:, None]])
    found, expected = decoded({"output": rows}, joined, (64, 32), 0.3), decoded(outputs, SMALL, (64, 32), 0.3)
    assert len(found.score)
    assert found.class_id.tolist() == expected.class_id.tolist()
    assert found.score.tolist() == expected.score.tolist()
    assert found.box.tolist() == expected.box.tolist()


def test_a_label_that_means_nothing_is_not_found() -> None:
    outputs = {
        "boxes": np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32),
        "scores": np.array([0.9, 0.75], np.float32),
        "labels": np.array([0, 2], np.float32),
    }
    background = replace(SMALL, labels=("", "b", "c"))
    assert decoded(outputs, background, (64, 32), 0.3).class_id.tolist() == [2]


def test_an_engine_that_takes_frames_of_any_size_gives_their_pixels() -> None:
    model = replace(SMALL, input_size=None)
    outputs = {
        "boxes": np.array([[10, 20, 5000, 40]], np.float32),
        "scores": np.array([0.5], np.float32),
        "labels": np.array([1], np.float32),
    }
    assert decoded(outputs, model, (1920, 1080), 0.3).box.tolist() == [[10, 20, 1920, 40]]
    assert heads.get(model).shapes(model) == {"boxes": (None, 4), "scores": (None,), "labels": (None,)}

"""The family of DETR: against a naive implementation, and what their numbers mean."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from contracts.models import catalogue
from contracts.models.catalogue import HeadOptions, Model
from contracts.results.codec import Detections
from detector import heads
from detector.heads import detr
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

SMALL = replace(catalogue.bundled("nanodet-g"), input_size=(64, 32), labels=("a", "b", "c"), head="detr")
SOFTMAX = replace(SMALL, head_options=HeadOptions(activation="softmax"))
PLAIN = replace(SMALL, head_options=HeadOptions(activation="none"))


def random_outputs(seed: int, model: Model) -> Outputs:
    rng = np.random.default_rng(seed)
    columns = 4 if model is SOFTMAX else 3
    logits = rng.integers(0, 9, (12, columns)) / 8 if model is PLAIN else rng.integers(-12, 12, (12, columns)) / 2
    return {
        "logits": logits.astype(np.float32),
        "boxes": rng.uniform(-0.25, 1.25, (12, 4)).astype(np.float32),
    }


def decoded(
    outputs: Outputs, model: Model, size: tuple[int, int], min_score: float, class_ids: set[int] | None = None
) -> Detections:
    return detr.decode(outputs, model, view(model, size), min_score, class_ids)


def naive(outputs: Outputs, model: Model) -> list[Found]:
    found = []
    for query, (logits, part) in enumerate(zip(outputs["logits"].tolist(), outputs["boxes"].tolist(), strict=True)):
        match model.head_options.activation:
            case "softmax":
                total = sum(math.exp(value) for value in logits)
                scores = [math.exp(value) / total for value in logits[:-1]]
            case "none":
                scores = logits
            case _:
                scores = [1 / (1 + math.exp(-value)) for value in logits]
        x, y, width, height = part[0] * 64, part[1] * 32, max(part[2], 0) * 64, max(part[3], 0) * 32
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        found += [Found(score, class_id, query, box) for class_id, score in enumerate(scores)]
    return found


@pytest.mark.parametrize("model", [SMALL, PLAIN], ids=["sigmoid", "none"])
@settings(max_examples=100)
@given(seed=seeds, size=sizes, min_score=thresholds, class_ids=classes)
def test_the_head_equals_a_naive_one(
    model: Model, seed: int, size: tuple[int, int], min_score: float, class_ids: set[int]
) -> None:
    outputs = random_outputs(seed, model)
    found = decoded(outputs, model, size, min_score, class_ids)
    expected = chosen(naive(outputs, model), stretched(size, (64, 32)), min_score, class_ids, None)
    assert_equal(found, expected, size)
    assert_in_order(found, size, min_score)


def test_softmax_treats_the_last_class_as_background() -> None:
    logits = np.array([[1, 2, 4, 3], [0, 0, 0, 9]], np.float32)
    outputs = {"logits": logits, "boxes": np.full((2, 4), 0.5, np.float32)}
    found = decoded(outputs, SOFTMAX, (64, 32), 0.05)
    assert_equal(found, chosen(naive(outputs, SOFTMAX), stretched((64, 32), (64, 32)), 0.05, {0, 1, 2}, None), (64, 32))
    assert found.class_id.tolist() == [2, 1]
    assert heads.get(SOFTMAX).shapes(SOFTMAX) == {"logits": (None, 4), "boxes": (None, 4)}
    assert heads.get(SMALL).shapes(SMALL) == {"logits": (None, 3), "boxes": (None, 4)}


def test_columns_of_one_output_are_what_two_outputs_are() -> None:
    outputs = random_outputs(3, PLAIN)
    joined = replace(PLAIN, head_options=HeadOptions(activation="none", joined=True))
    assert heads.get(joined).shapes(joined) == {"output": (None, 7)}
    rows = np.hstack([outputs["boxes"], outputs["logits"]])
    found, expected = decoded({"output": rows}, joined, (64, 32), 0.3), decoded(outputs, PLAIN, (64, 32), 0.3)
    assert len(found.score)
    assert found.class_id.tolist() == expected.class_id.tolist()
    assert found.score.tolist() == expected.score.tolist()
    assert found.box.tolist() == expected.box.tolist()


def test_one_query_may_be_two_classes_and_none_displaces_another() -> None:
    outputs = {"logits": np.array([[2, 3, -9], [1, -9, -9]], np.float32), "boxes": np.full((2, 4), 0.5, np.float32)}
    assert decoded(outputs, SMALL, (64, 32), 0.5).class_id.tolist() == [1, 0, 0]


def test_a_logit_of_any_size_gives_a_score() -> None:
    logits = np.array([[-1e30, 1e30, -np.inf]], np.float32)
    found = decoded({"logits": logits, "boxes": np.full((1, 4), 0.5, np.float32)}, SMALL, (64, 32), 0.0)
    assert found.score.tolist() == pytest.approx([1, 0, 0], abs=1e-300)


def test_a_result_is_bounded_however_low_the_threshold() -> None:
    rng = np.random.default_rng(0)
    outputs = {
        "logits": rng.normal(0, 1, (300, 3)).astype(np.float32),
        "boxes": rng.random((300, 4)).astype(np.float32),
    }
    found = decoded(outputs, SMALL, (64, 32), 0.0)
    assert len(found.score) == 100
    assert found.score[0] == pytest.approx(1 / (1 + math.exp(-outputs["logits"].max())))

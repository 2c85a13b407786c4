"""What heads share, and the head of NanoDet: against naive implementations, and by properties that always hold."""

import math
import time
from collections.abc import Collection
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.errors import ModelBroken
from contracts.models import catalogue
from contracts.models.catalogue import Model
from contracts.results.codec import Detections, mask_column
from detector import heads
from detector.heads import boxes, nanodet, nms
from detector.tensors import Outputs
from detector.view import view
from tests.support.models.naive_heads import overlap, seeds, sizes, thresholds

MODEL = catalogue.bundled("nanodet-g")
# A small model: 16 + 4 + 1 cells of 3 classes.
SMALL = replace(MODEL, input_size=(32, 32), labels=("a", "b", "c"))
CELLS = [((x + 0.5) * s, (y + 0.5) * s, s) for s in (8, 16, 32) for y in range(32 // s) for x in range(32 // s)]


def random_outputs(seed: int) -> Outputs:
    """Scores with equal ones among them, and logits sharp enough for boxes of all sizes."""
    rng = np.random.default_rng(seed)
    return {
        "scores": (rng.integers(0, 30, (21, 3)) / 29).astype(np.float32),
        "distances": rng.normal(0, 4, (21, 44)).astype(np.float32),
    }


def decoded(
    outputs: Outputs, model: Model, size: tuple[int, int], min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    return nanodet.decode(outputs, model, view(model, size), min_score, class_ids)


def naive(outputs: Outputs, size: tuple[int, int], min_score: float, class_ids: set[int]) -> Detections:
    """The head in plain Python."""
    found = []
    for cell, (x, y, stride) in enumerate(CELLS):
        sides = []
        for logits in outputs["distances"][cell].reshape(4, 11).tolist():
            weights = [math.exp(value) for value in logits]
            sides.append(stride * sum(number * weight for number, weight in enumerate(weights)) / sum(weights))
        edges = (x - sides[0], y - sides[1], x + sides[2], y + sides[3])
        box = [min(max(edge * size[i % 2] / 32, 0.0), float(size[i % 2])) for i, edge in enumerate(edges)]
        for class_id, score in enumerate(outputs["scores"][cell].tolist()):
            if score >= min_score and class_id in class_ids:
                found.append((-score, class_id, cell, box))
    kept: list[tuple[float, int, int, list[float]]] = []
    for item in sorted(found):
        if all(item[1] != other[1] or overlap(item[3], other[3]) <= nanodet.MAX_IOU for other in kept):
            kept.append(item)
    kept = kept[: nms.MAX_DETECTIONS]
    return Detections(
        np.array([item[1] for item in kept], np.int64),
        np.array([-item[0] for item in kept]),
        np.array([item[3] for item in kept]).reshape(-1, 4),
    )


@settings(max_examples=200)
@given(seed=seeds, size=sizes, min_score=thresholds, class_ids=st.sets(st.integers(0, 2)))
def test_the_head_equals_a_naive_one(seed: int, size: tuple[int, int], min_score: float, class_ids: set[int]) -> None:
    outputs = random_outputs(seed)
    found = decoded(outputs, SMALL, size, min_score, class_ids)
    expected = naive(outputs, size, min_score, class_ids)
    assert found.class_id.tolist() == expected.class_id.tolist()
    assert found.score.tolist() == expected.score.tolist()
    np.testing.assert_allclose(found.box, expected.box, atol=1e-6)


@settings(max_examples=200)
@given(seed=seeds, size=sizes, min_score=thresholds)
def test_invariants_hold(seed: int, size: tuple[int, int], min_score: float) -> None:
    found = decoded(random_outputs(seed), SMALL, size, min_score)
    assert np.all(found.score >= min_score)
    assert np.all(np.diff(found.score) <= 0)
    assert np.all(found.box >= 0)
    assert np.all(found.box <= np.array([*size, *size]))
    assert np.all(found.box[:, 2:] >= found.box[:, :2])
    for class_id in range(3):
        boxes = found.box[found.class_id == class_id].tolist()
        pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
        assert all(overlap(a, b) <= nanodet.MAX_IOU + 1e-9 for a, b in pairs)


whole = st.integers(0, 12)


@given(
    st.lists(
        st.tuples(whole, whole, whole, whole, st.integers(0, 1)).map(
            lambda v: (
                float(min(v[0], v[2])),
                float(min(v[1], v[3])),
                float(max(v[0], v[2])),
                float(max(v[1], v[3])),
                v[4],
            )
        ),
        max_size=30,
    )
)
def test_overlaps_are_removed_as_a_naive_loop_does(items: list[tuple[float, float, float, float, int]]) -> None:
    # Whole numbers, so that an overlap of exactly the limit happens, and is computed exactly.
    kept: list[int] = []
    for i, item in enumerate(items):
        if all(item[4] != items[k][4] or overlap([*item[:4]], [*items[k][:4]]) <= nanodet.MAX_IOU for k in kept):
            kept.append(i)
    boxes = np.array([item[:4] for item in items]).reshape(-1, 4)
    assert nms.nms(boxes, np.array([item[4] for item in items], np.intp), nanodet.MAX_IOU) == kept


def test_equal_scores_come_by_class_and_then_by_cell() -> None:
    scores = np.zeros((21, 3), np.float32)
    scores[[16, 0, 3, 15], [1, 1, 0, 0]] = 0.5
    outputs = {"scores": scores, "distances": sharp(1)}
    found = decoded(outputs, SMALL, (32, 32), 0.5)
    assert found.class_id.tolist() == [0, 0, 1, 1]
    assert found.box[:, 0].tolist() == pytest.approx([20, 20, 0, 0], abs=1e-6)


def sharp(bins: int) -> NDArray[np.float32]:
    """Logits that put all sides of all boxes so many strides from the centre."""
    logits = np.full((21, 4, 11), -50, np.float32)
    logits[:, :, bins] = 50
    return logits.reshape(21, 44)


def test_a_box_is_the_cells_centre_and_its_distances_in_displayed_pixels() -> None:
    scores = np.zeros((21, 3), np.float32)
    scores[5, 2] = 0.75  # second row and column of stride 8: centre (12, 12)
    found = decoded({"scores": scores, "distances": sharp(1)}, SMALL, (320, 64), 0.35)
    assert found.class_id.tolist() == [2]
    assert found.score.tolist() == [0.75]
    np.testing.assert_allclose(found.box, [[40, 8, 200, 40]], atol=1e-6)
    wide = decoded({"scores": scores, "distances": sharp(10)}, SMALL, (320, 64), 0.35)
    assert wide.box.tolist() == [[0, 0, 320, 64]]


def test_score_just_below_the_threshold_is_dropped_despite_float32_rounding() -> None:
    scores = np.zeros((21, 3), np.float32)
    scores[0, 0] = np.float32(0.7)  # 0.69999999 as float32
    outputs = {"scores": scores, "distances": sharp(1)}
    assert len(decoded(outputs, SMALL, (32, 32), 0.7).score) == 0
    assert len(decoded(outputs, SMALL, (32, 32), float(np.float32(0.7))).score) == 1


def test_unselected_labels_suppress_nothing() -> None:
    rng = np.random.default_rng(0)
    outputs = {"scores": rng.random((3549, 80), np.float32), "distances": rng.random((3549, 44), np.float32)}
    outputs["scores"][:, 7] *= 0.3
    assert not np.any(decoded(outputs, MODEL, (416, 416), 0.1).class_id == 7)
    found = decoded(outputs, MODEL, (416, 416), 0.1, {7})
    assert set(found.class_id.tolist()) == {7}


def test_no_detection_is_an_empty_result() -> None:
    empty = decoded(random_outputs(1) | {"scores": np.zeros((21, 3), np.float32)}, SMALL, (9, 9), 0.1)
    assert (empty.class_id.shape, empty.score.shape, empty.box.shape) == ((0,), (0,), (0, 4))


def test_a_result_is_bounded_and_quick_however_low_the_threshold() -> None:
    rng = np.random.default_rng(0)
    outputs = {"scores": rng.random((3549, 80), np.float32), "distances": rng.random((3549, 44), np.float32)}
    began = time.thread_time()
    found = decoded(outputs, MODEL, (1920, 1080), 0.0)
    assert time.thread_time() - began < 1  # 0.02 s; comparing all 283,920 boxes would take hours
    assert len(found.score) == nms.MAX_DETECTIONS
    assert found.score[0] == outputs["scores"].max()


def test_an_unknown_head_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ModelBroken, match="nanodet"):
        heads.get(replace(MODEL, head="crystal-ball"))


def test_head_declares_its_outputs() -> None:
    assert heads.get(MODEL).shapes(MODEL) == {"scores": (3549, 80), "distances": (3549, 44)}


FINAL = replace(MODEL, head="boxes", input_size=None, labels=("a", "", "c", "d"))


@settings(max_examples=200)
@given(
    seed=seeds,
    size=sizes,
    min_score=thresholds,
    class_ids=st.none() | st.sets(st.integers(0, 3)),
    masks=st.booleans(),
)
def test_final_boxes_equal_a_naive_choice(
    seed: int, size: tuple[int, int], min_score: float, class_ids: set[int] | None, masks: bool
) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 30))
    outputs: Any = {
        "boxes": np.sort(rng.normal(0.5, 0.5, (count, 2, 2)), axis=1).reshape(-1, 4).astype(np.float32)
        * np.array([*size, *size], np.float32),
        "scores": (rng.integers(0, 10, count) / 9).astype(np.float32),
        "labels": rng.integers(0, 4, count).astype(np.float32),
    }
    if masks:
        outputs["masks"] = mask_column([b"%d" % number for number in range(count)])
    found = boxes.decode(outputs, FINAL, view(FINAL, size), min_score, class_ids)
    expected = sorted(
        (-float(score), int(label), place)
        for place, (score, label) in enumerate(zip(outputs["scores"].tolist(), outputs["labels"].tolist(), strict=True))
        if score >= min_score
        and score > 0
        and FINAL.labels[int(label)]
        and (class_ids is None or int(label) in class_ids)
    )
    assert found.score.tolist() == [-score for score, _, _ in expected]
    assert found.class_id.tolist() == [label for _, label, _ in expected]
    for box, (_, _, place) in zip(found.box.tolist(), expected, strict=True):
        assert box == [min(max(side, 0), size[i % 2]) for i, side in enumerate(outputs["boxes"][place].tolist())]
    assert (None if found.mask is None else found.mask.tolist()) == (
        [b"%d" % place for _, _, place in expected] if masks else None
    )


def test_final_boxes_come_back_from_a_padded_image() -> None:
    model = replace(FINAL, input_size=(100, 100), fit="pad_centre")
    outputs = {
        "boxes": np.array([[10, 30, 60, 200]], np.float32),
        "scores": np.array([0.5], np.float32),
        "labels": np.array([2], np.float32),
    }
    found = boxes.decode(outputs, model, view(model, (200, 100)), 0.5)
    assert found.box.tolist() == [[20, 10, 120, 100]]


def test_final_boxes_are_read_at_any_size_and_number() -> None:
    assert heads.get(FINAL).shapes(FINAL) == {"boxes": (None, 4), "scores": (None,), "labels": (None,)}

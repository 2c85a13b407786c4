"""What heads do, in plain Python: the end that all of them have in common."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from contracts.results.codec import Detections
from detector.heads import nms

seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
thresholds = st.floats(0.0, 1.0)
classes = st.sets(st.integers(0, 2))


@dataclass(frozen=True)
class Found:
    """A candidate: place is its cell, query or row. box: x1, y1, x2, y2 in pixels of the input."""

    score: float
    class_id: int
    place: int
    box: list[float]


def overlap(a: list[float], b: list[float]) -> float:
    """Intersection over union; nothing in common with a box without an inside."""
    common = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return common / (areas - common) if common else 0.0


def chosen(
    items: Iterable[Found], view: "Placed", min_score: float, class_ids: Collection[int], max_iou: float | None
) -> list[Found]:
    """What stays of the candidates, with boxes in the frame; max_iou None removes no overlaps."""
    wanted = [item for item in items if item.score >= min_score and item.class_id in class_ids]
    kept: list[Found] = []
    for item in sorted(wanted, key=lambda item: (-item.score, item.class_id, item.place)):
        placed = Found(item.score, item.class_id, item.place, view.to_frame(item.box))
        better = [other for other in kept if other.class_id == item.class_id]
        if max_iou is None or all(overlap(placed.box, other.box) <= max_iou for other in better):
            kept.append(placed)
    return kept[: nms.MAX_DETECTIONS]


@dataclass(frozen=True)
class Placed:
    """A frame of a size in an image: scaled by factors x and y, then moved by left and top."""

    size: tuple[int, int]
    factor: tuple[float, float]
    offset: tuple[int, int] = (0, 0)

    def to_frame(self, box: list[float]) -> list[float]:
        return [
            min(max((edge - self.offset[i % 2]) / self.factor[i % 2], 0.0), float(self.size[i % 2]))
            for i, edge in enumerate(box)
        ]


def stretched(size: tuple[int, int], canvas: tuple[int, int]) -> Placed:
    """The frame fills the image, whatever its ratio."""
    return Placed(size, (canvas[0] / size[0], canvas[1] / size[1]))


def assert_equal(found: Detections, expected: list[Found], size: tuple[int, int]) -> None:
    """size: of the frame; a large one magnifies what arithmetic in another order leaves behind."""
    assert found.class_id.tolist() == [item.class_id for item in expected]
    np.testing.assert_allclose(found.score, [item.score for item in expected], rtol=1e-12, atol=0)
    boxes = np.array([item.box for item in expected]).reshape(-1, 4)
    np.testing.assert_allclose(found.box, boxes, atol=1e-8 * max(size))


def assert_in_order(found: Detections, size: tuple[int, int], min_score: float) -> None:
    """What holds for every head, whatever its outputs."""
    assert np.all(found.score >= min_score)
    assert np.all(np.diff(found.score) <= 0)
    assert np.all(found.box >= 0)
    assert np.all(found.box <= np.array([*size, *size]))
    assert np.all(found.box[:, 2:] >= found.box[:, :2])
    assert len(found.score) <= nms.MAX_DETECTIONS

"""Post-processing of model outputs, one file per kind of outputs. Pure numpy: arrays in, detections out."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from contracts.errors import ModelBroken
from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector.heads import boxes, detr, nanodet, yolo, yolox
from detector.tensors import Outputs, Shapes
from detector.view import View

Decode = Callable[[Outputs, Model, View, float, Collection[int] | None], Detections]


@dataclass(frozen=True, slots=True)
class Head:
    """Post-processing for one kind of outputs.

    shapes(model): the outputs that the head reads, by role; None stands for any length.
    decode(outputs, model, view, min_score, class_ids): the detections of one image, best score first; equal scores by
    class, then position. Boxes (N, 4) are x1, y1, x2, y2 in pixels of the frame, clipped to it. class_ids: classes to
    keep, None for all; others are removed before they could suppress any.
    fixed_size: whether the head can only read models of a fixed input size.
    """

    shapes: Callable[[Model], Shapes]
    decode: Decode
    fixed_size: bool = True


HEADS: dict[str, Head] = {
    "boxes": Head(boxes.shapes, boxes.decode, fixed_size=False),
    "detr": Head(detr.shapes, detr.decode, fixed_size=False),
    "nanodet": Head(nanodet.shapes, nanodet.decode),
    "yolo": Head(yolo.shapes, yolo.decode),
    "yolox": Head(yolox.shapes, yolox.decode),
}


def get(model: Model) -> Head:
    """The head of a model. Raises ModelBroken with the list of the known ones."""
    head = HEADS.get(model.head)
    if head is None:
        raise ModelBroken(f"model {model.id}: there is no head {model.head!r}; known are: {', '.join(HEADS)}")
    if head.fixed_size and model.input_size is None:
        raise ModelBroken(f"model {model.id}: head {model.head} needs an input_size")
    return head


def class_ids(model: Model, labels: Collection[str] | None) -> frozenset[int] | None:
    """The classes to keep for those labels: see Head.decode. labels: None for all."""
    if labels is None and all(model.labels):
        return None
    return frozenset(
        number for number, label in enumerate(model.labels) if label and (labels is None or label in labels)
    )

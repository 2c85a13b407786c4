"""ONNX exports of YOLOv8 to YOLO11: boxes and classes, one column per cell. Pure numpy."""

from collections.abc import Collection

from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from detector.heads.nms import candidates, corners, suppressed
from detector.tensors import Outputs, Shapes
from detector.view import View

MAX_IOU = 0.7


def shapes(model: Model) -> Shapes:
    """See detector.heads.Head."""
    return {"output0": (4 + len(model.labels), None)}


def decode(
    outputs: Outputs, model: Model, view: View, min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    """See detector.heads.Head.

    outputs: `output0` (4 + classes, cells): centre x, centre y, width and height in pixels of the input, then the
    scores of the classes, 0 to 1.
    """
    output = outputs["output0"].T
    cell, class_id, score = candidates(output[:, 4:], min_score, class_ids)
    box = view.to_frame(corners(output[cell, :4]))
    return suppressed(class_id, score, box, model.head_options.max_iou or MAX_IOU)

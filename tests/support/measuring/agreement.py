"""How many of a model's boxes another file of it finds too."""

from collections.abc import Sequence

import numpy as np
from av.video.frame import VideoFrame

from contracts.models.catalogue import Model
from contracts.results.codec import Detections
from contracts.wire.messages import Options
from detector import heads
from detector.decode.frames import ToImage
from detector.engine import Engine
from detector.heads.nms import ious
from detector.view import view
from media.orientation import Orientation
from tests.support.measuring.matching import LEAST_IOU, SURE
from tools.calibration_pictures import Pixels


def detections(engine: Engine, model: Model, frames: Sequence[Pixels]) -> list[Detections]:
    """What a job without options finds in frames of one size, RGB."""
    height, width = frames[0].shape[:2]
    shown = view(model, (width, height))
    to_image = ToImage(Orientation(), shown, model.channels)
    images = (to_image(VideoFrame.from_ndarray(frame, format="rgb24")) for frame in frames)
    meant = {number for number, label in enumerate(model.labels) if label}
    head, least = heads.get(model), Options().min_score
    return [head.decode(outputs, model, shown, least, meant) for outputs in engine.infer(images)]


def share(found: Sequence[Detections], other: Sequence[Detections], sure: float = SURE) -> float:
    """The share of the boxes of that score or more that the other has too: same frame, same label, half in common."""
    there = [
        _has(two, one, int(number))
        for one, two in zip(found, other, strict=True)
        for number in np.flatnonzero(one.score >= sure)
    ]
    return sum(there) / len(there) if there else 1.0


def _has(found: Detections, one: Detections, number: int) -> bool:
    same = found.class_id == one.class_id[number]
    return bool(same.any() and ious(one.box[number], found.box[same]).max() >= LEAST_IOU)

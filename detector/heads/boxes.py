"""Boxes as they are: for engines and graphs that give detections themselves. Pure numpy."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.catalogue import Model
from contracts.codec import Detections, mask_column
from detector.base import MASKS, Outputs, Shapes
from detector.view import View


def shapes(model: Model) -> Shapes:
    """See detector.heads.Head."""
    return {"boxes": (None, 4), "scores": (None,), "labels": (None,)}


def decode(
    outputs: Outputs, model: Model, view: View, min_score: float, class_ids: Collection[int] | None = None
) -> Detections:
    """See detector.heads.Head.

    outputs: `boxes` [n, 4] as x1, y1, x2, y2 in pixels of the image, `scores` [n], `labels` [n], numbers of
    the model's labels, and maybe `masks` [n], texts of the frame: see detector.rle.
    """
    class_id = outputs["labels"].astype(np.int64)
    score = outputs["scores"].astype(np.float64)
    wanted = (score >= min_score) & np.isin(class_id, _meant(model, class_ids))
    place = np.flatnonzero(wanted)
    place = place[np.lexsort((place, class_id[place], -score[place]))]
    box = view.to_frame(outputs["boxes"][place].astype(np.float64))
    texts: Any = outputs.get(MASKS)
    return Detections(
        class_id[place], score[place], box, None if texts is None else mask_column([texts[number] for number in place])
    )


def _meant(model: Model, class_ids: Collection[int] | None) -> NDArray[np.int64]:
    """The numbers of the labels that are kept; an empty label means nothing."""
    numbers = [number for number, label in enumerate(model.labels) if label]
    return np.array([number for number in numbers if class_ids is None or number in class_ids], np.int64)

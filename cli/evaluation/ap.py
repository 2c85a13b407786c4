"""Average precision and recall, computed by pycocotools. The only file that imports it."""

import io
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cli.evaluation.dataset import Dataset
from cli.evaluation.gather import Found

# In the order in which COCOeval gives them. AP is over IoU 0.5 to 0.95; small is below 32x32 pixels, large
# from 96x96 on; AR100 is the recall with at most 100 objects of a category in an image.
NAMES = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"),
)


@dataclass(frozen=True, slots=True)
class OfCategory:
    """Metrics of a category, 0 to 1, None when it has no objects. objects: number of objects that are not crowds."""

    id: int
    name: str
    objects: int
    ap: float | None
    ap50: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Metrics. overall: by name, 0 to 1, None without objects (such as no small ones)."""

    overall: dict[str, float | None]
    categories: tuple[OfCategory, ...]


def measure(dataset: Dataset, category_ids: Collection[int], found: Sequence[Found]) -> Figures:
    """Compute the metrics of the given categories over all images."""
    images = [{"id": image.id, "width": image.width, "height": image.height} for image in dataset.images]
    categories = [{"id": item.id, "name": item.name} for item in dataset.categories]
    truths = [
        {
            "image_id": item.image_id,
            "category_id": item.category_id,
            "bbox": list(item.box),
            "area": item.area,
            "iscrowd": int(item.crowd),
        }
        for item in dataset.truths
    ]
    objects = [
        {
            "image_id": item.image_id,
            "category_id": item.category_id,
            "bbox": list(item.box),
            "area": item.box[2] * item.box[3],
            "score": item.score,
            "iscrowd": 0,
        }
        for item in found
    ]
    with redirect_stdout(io.StringIO()):
        judge = COCOeval(_index(images, categories, truths), _index(images, categories, objects), "bbox")
        judge.params.catIds = sorted(category_ids)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    overall = {name: _known(value) for name, value in zip(NAMES, judge.stats, strict=True)}
    return Figures(overall, tuple(_of_categories(dataset, judge)))


def _index(images: list[Any], categories: list[Any], annotations: list[Any]) -> Any:
    """A COCO index. Annotation ids start at 1, because COCOeval treats id 0 as unmatched."""
    index = COCO()
    numbered = [item | {"id": number} for number, item in enumerate(annotations, 1)]
    index.dataset = {"images": images, "categories": categories, "annotations": numbered}
    index.createIndex()
    return index


def _of_categories(dataset: Dataset, judge: Any) -> list[OfCategory]:
    """precision of COCOeval: [IoU, recall, category, area, most objects], -1 where nothing counts."""
    precision = judge.eval["precision"][:, :, :, 0, -1]
    names = {item.id: item.name for item in dataset.categories}
    counts = dict.fromkeys(names, 0)
    for truth in dataset.truths:
        counts[truth.category_id] += not truth.crowd
    return [
        OfCategory(number, names[number], counts[number], _mean(precision[:, :, place]), _mean(precision[0, :, place]))
        for place, number in enumerate(map(int, judge.params.catIds))
    ]


def _mean(values: Any) -> float | None:
    known = values[values > -1]
    return _known(float(np.mean(known))) if known.size else None


def _known(value: float) -> float | None:
    """COCOeval says -1 where nothing counts. 6 decimals are more than any dataset can tell apart."""
    return None if value < 0 else round(float(value), 6)

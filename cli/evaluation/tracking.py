"""How well the tracks of sequences fit the ground truth."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from cli.evaluation.dataset import Box, Dataset, DatasetError, Source, Truth
from cli.evaluation.gather import Found
from cli.evaluation.tracking_scores import Counts, Frame, Scores, assign, counted, overlaps

# A detection that covers an ignored object so well, and no other one better, does not count.
_IGNORED_OVERLAP = 0.5


def measure(dataset: Dataset, found: Sequence[Found]) -> Scores:
    """The scores over all sequences, each of which is one source. Raises DatasetError where a frame has an object
    twice."""
    truths, tracked = defaultdict[int, list[Truth]](list), defaultdict[int, list[Found]](list)
    for truth in dataset.truths:
        truths[truth.image_id].append(truth)
    for item in found:
        if item.track:
            tracked[item.image_id].append(item)
    parts = [_counted(source, truths, tracked) for source in dataset.sources]
    return sum(parts[1:], start=parts[0]).scores


def _counted(source: Source, truths: dict[int, list[Truth]], tracked: dict[int, list[Found]]) -> Counts:
    wanted, given = [], []
    for image in source.images:
        of_image = truths[image.id]
        ids = [truth.track for truth in of_image if not truth.crowd]
        if len(set(ids)) < len(ids):
            raise DatasetError(f"{image.name}: the ground truth has two boxes with the same id in this frame")
        wanted.append((np.array(ids, np.int64), _edges(truth.box for truth in of_image if not truth.crowd)))
        given.append(_without_ignored(of_image, tracked[image.id]))
    return counted(wanted, given)


def _without_ignored(truths: Sequence[Truth], found: Sequence[Found]) -> Frame:
    """Tracks and boxes of a frame but for those of ignored objects."""
    boxes = _edges(item.box for item in found)
    overlap = overlaps(_edges(truth.box for truth in truths), boxes)
    ours, theirs = assign(np.where(overlap >= _IGNORED_OVERLAP, overlap, 0))
    kept = np.ones(len(found), bool)
    kept[theirs[np.array([truth.crowd for truth in truths], bool)[ours]]] = False
    return np.array([item.track for item in found], np.int64)[kept], boxes[kept]


def _edges(boxes: Iterable[Box]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Boxes as x1, y1, x2, y2, [n, 4]."""
    sides = np.array(list(boxes), np.float64).reshape(-1, 4)
    return np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)

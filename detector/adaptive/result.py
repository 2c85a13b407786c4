"""The block of a chunk of which some frames were inferred: with the others filled in. Pure."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from analytics.boxes import Boxes
from analytics.filling import Bounds, fill
from contracts.results.codec import EMPTY, Block
from detector.adaptive.chooser import Chooser


def boxes_of(chooser: Chooser, min_score: float, bounds: Bounds) -> tuple[dict[int, Boxes], set[int]]:
    """The boxes of all frames of a settled chunk by place, and which of the places were filled in."""
    boxes, filled = dict(chooser.found), set[int]()
    for shot in chooser.shots:
        at = [number for number, look in enumerate(shot) if look.place in chooser.found]
        inner = [shot[start + 1 : stop] for start, stop in pairwise(at)]
        times = [[look.time for look in looks] for looks in inner]
        ends = [shot[number] for number in at]
        found = fill([boxes[end.place] for end in ends], [end.time for end in ends], times, min_score, bounds)
        for looks, guessed in zip(inner, found, strict=True):
            boxes |= {look.place: one for look, one in zip(looks, guessed, strict=True)}
            filled.update(look.place for look in looks)
    return boxes, filled


def block_of(numbers: Sequence[int], times: Sequence[int], boxes: Sequence[Boxes], filled: Sequence[bool]) -> Block:
    """A block of frames: their numbers, their times in the time base, their boxes, and whether each was filled in."""
    if not boxes:
        return EMPTY
    kept = [slice(one.confident) for one in boxes]
    return Block(
        np.asarray(numbers, np.int64),
        np.asarray(times, np.int64),
        np.array([one.confident for one in boxes], np.uint32),
        np.concatenate([one.class_id[part] for one, part in zip(boxes, kept, strict=True)]).astype(np.uint16),
        np.concatenate([one.score[part] for one, part in zip(boxes, kept, strict=True)]).astype(np.uint16),
        np.concatenate([one.box[part] for one, part in zip(boxes, kept, strict=True)]).astype(np.int32),
        filled=np.asarray(filled, bool) if any(filled) else None,
    )

"""The file of a tracker's results for MOTChallenge. Pure except for reading segments."""

from collections.abc import Iterator
from itertools import chain

import numpy as np

from api.results.exports.export import Export, tracks_of
from contracts.errors import InvalidInput
from contracts.results.codec import BOX_SCALE, SCORE_SCALE


def as_mot(export: Export) -> Iterator[bytes]:
    """A row per object: frame, id, left, top, width, height, score, and three columns that are not used (-1). Frames,
    ids and pixels count from 1. An object without a track gets an id of its own, after those of the tracks.

    Raises InvalidInput where no object is selected: an empty file looks like a failed one.
    """
    rows = _rows(export)
    first = next(rows, None)
    if first is None:
        raise InvalidInput(
            "no object is selected, and an MOT file cannot be empty: choose other labels or a lower score"
        )
    return chain((first,), rows)


def _rows(export: Export) -> Iterator[bytes]:
    own = tracks_of(export).highest + 1
    for block in export.blocks():
        if not len(block.score):
            continue
        ids = block.tracks.astype(np.int64)
        alone = np.flatnonzero(ids == 0)
        ids[alone] = own + np.arange(len(alone))
        own += len(alone)
        corner, extent = block.box[:, :2].astype(np.int64), block.box[:, 2:].astype(np.int64) - block.box[:, :2]
        columns = zip(
            (np.repeat(block.frame, block.count) + 1).tolist(),
            ids.tolist(),
            ((corner + BOX_SCALE) / BOX_SCALE).tolist(),
            (extent / BOX_SCALE).tolist(),
            (block.score / SCORE_SCALE).tolist(),
            strict=True,
        )
        yield "".join(
            f"{frame},{own_id},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.4f},-1,-1,-1\n"
            for frame, own_id, (left, top), (width, height), score in columns
        ).encode()

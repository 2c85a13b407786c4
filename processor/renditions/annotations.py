"""The detections of a result file to draw, frame by frame."""

from collections.abc import Sequence

import numpy as np
import numpy.ma  # np.unique imports this lazily; import it now, because the sandbox forbids opening files later
from msgspec import UNSET

from contracts.results.codec import BOX_SCALE, EMPTY, SCORE_SCALE, Block
from contracts.results.result_file import ResultFile
from contracts.wire.messages import PacketIndex
from contracts.wire.renditions import RenditionOptions
from processor.core.frame_order import frame_order
from processor.core.sampling import wanted
from processor.renditions.drawing import Found


class Annotations:
    """Reads a result file sequentially."""

    def __init__(self, file: ResultFile, options: RenditionOptions) -> None:
        self._file = file
        self._labels = file.header.labels
        self._least = round((options.min_score or 0) * SCORE_SCALE)
        self._classes = [n for n, label in enumerate(self._labels) if options.labels is None or label in options.labels]
        self._places = appearing(file)
        self._block, self._following = EMPTY, 0

    def at(self, number: int) -> list[Found]:
        """The detections of a frame; empty without a result. Frame numbers must increase from call to call."""
        while (not len(self._block) or self._block.frame[-1] < number) and self._following < len(self._file.starts):
            self._block = self._selected(self._file.block(self._following))
            self._following += 1
        position = int(np.searchsorted(self._block.frame, number))
        if position == len(self._block) or self._block.frame[position] != number:
            return []
        found = self._block.slice(position, position + 1)
        return [
            Found(
                self._labels[class_id] if class_id < len(self._labels) else str(class_id),
                self._places[class_id],
                score / SCORE_SCALE,
                (x1 / BOX_SCALE, y1 / BOX_SCALE, x2 / BOX_SCALE, y2 / BOX_SCALE),
                bool(found.is_filled[0]),
            )
            for class_id, score, (x1, y1, x2, y2) in zip(
                found.class_id.tolist(), found.score.tolist(), found.box.tolist(), strict=True
            )
        ]

    def _selected(self, block: Block) -> Block:
        good = (block.score >= self._least) & np.isin(block.class_id, self._classes)
        return block.keep(good, drop_empty=False)


def appearing(file: ResultFile) -> dict[int, int]:
    """Rank by class id: in order of first appearance, within a frame by class id. The rank selects the colour.

    The web UI uses the same order: see web/src/lib/palette.ts.
    """
    places: dict[int, int] = {}
    for position in range(len(file.starts)):
        block = file.block(position, masks=False)
        frame = np.repeat(block.frame, block.count)
        unknown = ~np.isin(block.class_id, list(places))
        class_ids, first = np.unique(block.class_id[unknown], return_index=True)
        for class_id in class_ids[np.lexsort((class_ids, frame[unknown][first]))].tolist():
            places[class_id] = len(places)
    return places


def covered(file: ResultFile, index: PacketIndex) -> Sequence[int]:
    """Ascending numbers of the frames that the job selected by its options, with or without detections; of a live
    stream's, those that were analysed."""
    if file.header.dropped is not UNSET:
        return [number for at in range(len(file.starts)) for number in file.block(at, masks=False).frame.tolist()]
    return wanted(frame_order(index).times, index.time_base, file.header.plan.options)

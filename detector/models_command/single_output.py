"""Finds the head that reads a graph's only output, by its shape and its values for photographs. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ModelBroken
from contracts.models.catalogue import HeadOptions
from detector.models_command.onnx_inspect import Port
from detector.models_command.reading import DETR, YOLO, YOLOX, Reading

Values = NDArray[np.float32]

_STRIDES = (8, 16, 32)
# Strides of models with a fourth scale, and of the smallest ones.
_OTHER_STRIDES = ((8, 16, 32, 64), (4, 8, 16, 32))
_TINY_STRIDES = (16, 32)
# More rows than final boxes or queries, unless the file declares them as final.
_MANY_ROWS = 1000
# Offsets in strides and fractions of the input are small; coordinates in pixels are not.
_PIXELS = 16.0
_PARTS = 1.5
# Tolerance for scores slightly above 1 by rounding.
_ROUNDING = 1e-3
# The worst boxes may be inverted, since nothing prevents it.
_ORDERED = 0.9
# This many boxes would not nearly all be valid corners if they were centres and sizes.
_MANY_BOXES = 20
_ROWS = "rows of a box"


@dataclass(frozen=True, slots=True)
class Output:
    """The only output, [rows, columns] per image.

    rows: None if their number varies. values: (n, columns), the rows for all photographs; empty if it was not run.
    size: (width, height) of the input. final: the file declares that the graph selects the boxes. classes: number of
    classes, if known.
    """

    port: Port
    rows: int | None
    columns: int
    values: Values
    size: tuple[int, int]
    final: bool
    classes: int | None


def output(
    port: Port, arrays: Sequence[Values], size: tuple[int, int], *, final: bool, classes: int | None
) -> Output | None:
    """The output of a graph; None if it does not have rows and columns.

    arrays: its values for each photograph, with or without a batch dimension.
    """
    if port.tail(2) is None:
        return None
    parts = [array[0] if array.ndim == 3 else array for array in arrays]
    rows, columns = port.tail(2) or (None, None)
    if parts:
        counts = {len(part) for part in parts}
        rows = counts.pop() if len(counts) == 1 else None
        columns = parts[0].shape[1]
    values = np.concatenate(parts) if parts else np.empty((0, columns or 0), np.float32)
    return Output(port, rows, columns, values, size, final, classes) if columns else None


def read(output: Output) -> Reading | None:
    """The head for the output; None when no head reads it. Raises ModelBroken when it is ambiguous."""
    found = [one for one in (_cells(output), _anchors(output), _columns(output)) if one]
    few = output.rows is None or output.rows <= _MANY_ROWS or output.final
    if few and (output.final or not found):  # a row per cell is not a selection, unless the file declares it
        rows = _final(output) or _queries(output)
        found = [rows] if rows else found
        if not found and output.columns <= _MANY_ROWS:
            raise ModelBroken(_not_told(output))
    fitting = [one for one in found if None in (output.classes, one.classes) or output.classes == one.classes]
    chosen = fitting or found
    if len(chosen) > 1:
        ways = "; ".join(f"{one.head} ({one.why})" for one in chosen)
        raise ModelBroken(f"the output {output.port} can be read in several ways: {ways}: name one with --head")
    return chosen[0] if chosen else None


def are_decoded(values: Values) -> bool:
    """Whether YOLOX's boxes are in pixels, not in strides, by the size of the coordinates in rows (n, 2 or more)."""
    return len(values) > 0 and bool(np.median(np.abs(values[:, :2])) > _PIXELS)


def _cells(output: Output) -> Reading | None:
    rows, columns = output.rows, output.columns
    if rows != _count(output.size, _STRIDES) or columns <= 5:
        return None
    options = HeadOptions(decoded=are_decoded(output.values))
    why = f"{rows} cells of 5 + {columns - 5} numbers"
    return Reading("yolox", {"output": output.port.name}, columns - 5, why, YOLOX, options)


def _anchors(output: Output) -> Reading | None:
    """YOLOv5, YOLOv7 and similar ones."""
    rows, columns = output.rows, output.columns
    for strides in (_STRIDES, *_OTHER_STRIDES, _TINY_STRIDES):
        cells = _count(output.size, strides)
        if rows == 3 * cells and columns > 5:
            why = f"3 boxes for each of {cells} cells, of 5 + {columns - 5} numbers"
            options = HeadOptions(decoded=True)
            return Reading("yolox", {"output": output.port.name}, columns - 5, why, YOLO, options)
    return None


def _columns(output: Output) -> Reading | None:
    """YOLOv8 and later."""
    rows, columns = output.rows, output.columns
    grids = {_count(output.size, strides) for strides in (_STRIDES, *_OTHER_STRIDES)}
    if columns not in grids or rows is None or rows <= 4:
        return None
    return Reading("yolo", {"output0": output.port.name}, rows - 4, f"4 + {rows - 4} numbers for each cell", YOLO)


def _final(output: Output) -> Reading | None:
    """Rows of box, score and class: YOLOv10, YOLO26, exports with NMS, and Ultralytics' later RT-DETR."""
    if output.columns != 6 or not _are_numbered(output.values, output.classes):
        return None
    used = output.values[output.values[:, 4] > 0]
    if not len(used):
        # Without detections on the photographs, rely on the metadata of the file.
        corners, centres = output.final, False
    else:
        corners = used[:, :4].max() > _PARTS and _are_corners(used)
        centres = _are_parts(used) and not _are_corners(used)
    names = {"output": output.port.name}
    if corners:
        return Reading("boxes", names, None, f"{_ROWS} in pixels, score and class", YOLO, HeadOptions(joined=True))
    if centres:
        options = HeadOptions(box="cxcywh", units="unit", joined=True)
        return Reading("boxes", names, None, f"{_ROWS} from 0 to 1, score and class", DETR, options)
    return None


def _are_numbered(rows: Values, classes: int | None) -> bool:
    """Whether the last two columns are a score and a class number; some outputs are padded with -1."""
    score, label = rows[:, 4], rows[:, 5]
    # Exactly integer, since scores of a confident model are nearly so.
    whole = np.all((label == np.rint(label)) & (label >= -1) & (label < (classes or np.inf)))
    return bool(whole and np.all(score <= 1 + _ROUNDING))


def _queries(output: Output) -> Reading | None:
    """Rows of centre and size, 0 to 1, and a score per class: RT-DETR in one output."""
    rows, columns = output.rows, output.columns
    if rows in (None, 1) or columns < 5 or not len(output.values):
        return None
    used = output.values[output.values[:, 4:].max(axis=1) > 0]
    # Two scores might be a score and a class.
    known = output.classes == columns - 4 and columns != 6
    if not len(used) or not _are_queries(used, known=known):
        return None
    why = f"{_ROWS} from 0 to 1 and {columns - 4} scores"
    options = HeadOptions(activation="none", joined=True)
    return Reading("detr", {"output": output.port.name}, columns - 4, why, DETR, options)


def _are_queries(rows: Values, *, known: bool) -> bool:
    """Whether rows are queries. known: the number of classes matches, so that few boxes that could be corners are
    accepted."""
    scores = rows[:, 4:]
    if not _are_parts(rows) or scores.min() < 0 or scores.max() > 1 + _ROUNDING:
        return False
    return not _are_corners(rows) or (known and len(np.unique(rows[:, :4], axis=0)) < _MANY_BOXES)


def _are_parts(rows: Values) -> bool:
    """Whether boxes are fractions of the input, not pixels."""
    return bool(np.all((rows[:, :4] > 1 - _PARTS) & (rows[:, :4] < _PARTS)))


def _are_corners(rows: Values) -> bool:
    """Whether nearly all boxes could be corners, that is, are not inverted."""
    return bool(np.mean(np.all(rows[:, 2:4] >= rows[:, :2], axis=1)) >= _ORDERED)


def _not_told(output: Output) -> str:
    rows, columns = output.rows, output.columns
    what = f"the output {output.port} has {'some' if rows is None else rows} rows of {columns} numbers"
    if rows == 1:
        return f"{what}, one for each class: a classification model, which finds no boxes: export a detection model"
    told = (
        f"{what} that are neither final boxes (x1, y1, x2, y2 in pixels, or centre and size from 0 to 1; score, class) "
        "nor those of queries (centre and size from 0 to 1, a score for each class)"
    )
    if len(output.values) and not np.any(output.values):
        told = f"{what}, all 0 for the photographs, so that they cannot be told: try a picture of its objects (--photo)"
    return (
        f"{told}; or export the model without such rows (YOLOv10 and YOLO26: end2end=False, others: nms=False); or say "
        "what they are: --head boxes --joined, or --head detr --joined"
    )


def _count(size: tuple[int, int], strides: Sequence[int]) -> int:
    """Number of cells of an input of this size (width, height)."""
    width, height = size
    return sum(-(-width // stride) * -(-height // stride) for stride in strides)

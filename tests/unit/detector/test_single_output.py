"""Which head reads a graph's only output: the shapes and numbers that real exports give, and what cannot be told."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import ModelBroken
from detector.models_command import single_output
from detector.models_command.onnx_inspect import Port
from detector.models_command.reading import DETR, YOLO, YOLOX, Reading

SIZE = (320, 320)
CELLS = 2100
Rows = NDArray[np.float32]


def read(
    values: Rows, *, size: tuple[int, int] = SIZE, final: bool = False, classes: int | None = None
) -> Reading | None:
    """The reading of an output with these rows for the one photograph."""
    port = Port("output0", (None, None, None), False)
    output = single_output.output(port, [values[None]], size, final=final, classes=classes)
    assert output is not None
    return single_output.read(output)


def told(values: Rows, **known: Any) -> tuple[str, int | None, bool]:
    """Head, classes, and whether what it reads are columns of one output."""
    reading = read(values, **known)
    assert reading is not None
    return reading.head, reading.classes, reading.options.joined


def random(*shape: int) -> Rows:
    return np.random.default_rng(1).random(shape).astype(np.float32)


def final_rows(rows: int = 300, used: int = 40, classes: int = 3) -> Rows:
    """Corners in pixels, score, class; the rest is filled up with 0."""
    found = np.zeros((rows, 6), np.float32)
    corner = random(used, 2) * 200
    found[:used, :2], found[:used, 2:4] = corner, corner + random(used, 2) * 100
    found[:used, 4] = np.sort(random(used))[::-1]
    found[:used, 5] = np.arange(used) % classes
    return found


def queries(rows: int = 300, classes: int = 3) -> Rows:
    return random(rows, 4 + classes)


def one(*row: float, rows: int = 300) -> Rows:
    """Rows of 0, and one with these numbers."""
    found = np.zeros((rows, len(row)), np.float32)
    found[5] = row
    return found


@pytest.mark.parametrize(("size", "rows"), [(SIZE, 3 * CELLS), ((1280, 1280), 3 * 34_000), ((320, 320), 3 * 500)])
def test_three_boxes_a_cell_are_yolov5_also_of_one_class(size: tuple[int, int], rows: int) -> None:
    for values in (random(rows, 6), one(160, 160, 100, 80, 0.95, 0.95, rows=rows), final_rows(rows)):
        reading = read(values, size=size)
        assert reading is not None
        assert (reading.head, reading.classes, reading.family) == ("yolox", 1, YOLO)
        assert reading.options.decoded


def test_one_box_a_cell_is_yolox_in_strides_or_pixels() -> None:
    for values, decoded in ((random(CELLS, 6), False), (random(CELLS, 6) * 300, True)):
        reading = read(values)
        assert reading is not None
        assert (reading.head, reading.classes, reading.family) == ("yolox", 1, YOLOX)
        assert reading.options.decoded is decoded


def test_a_column_a_cell_is_yolov8_of_three_or_four_scales() -> None:
    assert told(random(7, CELLS)) == ("yolo", 3, False)
    assert told(random(5, CELLS)) == ("yolo", 1, False)
    for scales in (CELLS + 25, CELLS + 6400):
        assert told(random(84, scales)) == ("yolo", 80, False)


def test_rows_of_six_are_final_boxes_where_their_numbers_are() -> None:
    assert told(final_rows()) == ("boxes", None, True)
    assert told(final_rows(100, used=100), classes=3) == ("boxes", None, True)
    assert told(one(100, 90, 180, 170, 0.9, 0)) == ("boxes", None, True)
    assert told(final_rows(3000), final=True) == ("boxes", None, True)
    turned = final_rows()
    turned[36:40] = turned[36:40, [2, 3, 0, 1, 4, 5]]  # YOLO26's worst boxes may end before they begin
    assert told(turned) == ("boxes", None, True)
    # One class of YOLOv5 has as many columns, but never so few rows.
    assert told(final_rows(), classes=3, final=True) == ("boxes", None, True)


def test_rows_of_six_of_centres_in_parts_are_the_later_rt_detr() -> None:
    found = final_rows()
    found[:40, :4] = random(40, 4)
    for values in (found, one(0.5, 0.5, 0.3, 0.25, 0.9, 1)):
        reading = read(values, classes=3)
        assert reading is not None
        assert (reading.head, reading.classes, reading.family) == ("boxes", None, DETR)
        options = reading.options
        assert (options.box, options.units, options.joined) == ("cxcywh", "unit", True)


def test_rows_of_six_that_found_nothing_are_final_boxes_only_where_the_file_says_so() -> None:
    assert told(np.zeros((300, 6), np.float32), final=True) == ("boxes", None, True)
    with pytest.raises(ModelBroken, match=r"all 0 for the photographs.*--photo"):
        read(np.zeros((300, 6), np.float32))


def test_queries_with_scores_are_rt_detr_however_many_classes() -> None:
    for classes in (1, 2, 3, 80):
        assert told(queries(classes=classes)) == ("detr", classes, True)
        assert told(queries(classes=classes), classes=classes) == ("detr", classes, True)
    reading = read(one(0.5, 0.5, 0.3, 0.25, 0.9, 0.01, 0.01), classes=3)
    assert reading is not None
    assert (reading.head, reading.options.activation, reading.family) == ("detr", "none", DETR)
    sure = queries(classes=2)
    sure[:, 4:] = np.where(sure[:, 4:] < 0.5, np.float32(0), np.float32(0.9999))
    assert told(sure) == ("detr", 2, True)
    # A single box that could also be corners is no doubt where the number of classes fits.
    assert told(one(0.5, 0.5, 0.6, 0.7, 0.9, 0.01, 0.01), classes=3) == ("detr", 3, True)


def swapped(rows: Rows) -> Rows:
    return rows[:, [5, 4, 0, 1, 2, 3]]


def corners(rows: Rows) -> Rows:
    rows[:, 2:4] = rows[:, :2] + rows[:, 2:4] * (1 - rows[:, :2])
    return rows


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (swapped(final_rows()), None),  # class and score first
        (final_rows(classes=9), 3),  # classes that the file does not have
        (final_rows() * np.float32(1.5), None),  # classes between two
        (final_rows() / np.array([320, 320, 320, 320, 1, 1], np.float32), None),  # parts of the input
        (np.full((300, 6), 0.5, np.float32), None),
        (corners(queries()), 3),
        (one(0.1, 0.1, 0.6, 0.7, 0.9, 1.0), 2),  # parts of the input, or two scores
        (corners(queries()), None),
        (one(0.5, 0.5, 0.6, 0.7, 0.9, 0.01, 0.01), None),
        (queries() * np.float32(9), 3),
        (queries() - np.array([0] * 4 + [0.5] * 3, np.float32), 3),  # logits
        (random(300, 7) * np.array([320] * 4 + [1] * 3, np.float32), 3),
    ],
)
def test_rows_that_could_be_something_else_are_refused(values: Rows, classes: int | None) -> None:
    with pytest.raises(ModelBroken, match=r"neither final boxes.*end2end=False.*--head boxes --joined"):
        read(values, classes=classes)


def test_one_row_of_scores_is_a_classification() -> None:
    with pytest.raises(ModelBroken, match="a classification model"):
        read(random(1, 1000))


def test_the_number_of_classes_decides_between_two_readings() -> None:
    square = random(84, 84)  # 84 cells of 64 x 64: YOLOX of 79 classes, or YOLOv8 of 80
    with pytest.raises(ModelBroken, match=r"several ways: yolox.*yolo.*--head"):
        read(square, size=(64, 64))
    assert told(square, size=(64, 64), classes=80) == ("yolo", 80, False)
    assert told(square, size=(64, 64), classes=79) == ("yolox", 79, False)


def test_many_rows_that_fit_no_grid_are_not_read() -> None:
    assert read(random(1234, 6)) is None
    assert read(random(84, 1234) * np.float32(300)) is None

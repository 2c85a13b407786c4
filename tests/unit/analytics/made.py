"""Frames of boxes for tests."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from analytics.boxes import Boxes

Row = tuple[int, int, int, int, int, int]  # class, score, x1, y1, x2, y2


def boxes(*rows: Row, min_score: int = 3500) -> Boxes:
    """A frame, best score first."""
    ordered = sorted(rows, key=lambda row: -row[1])
    columns = np.array(ordered, np.int64).reshape(-1, 6)
    return Boxes(columns[:, 0], columns[:, 1], columns[:, 2:], sum(row[1] >= min_score for row in rows))


def rows_of(frame: Boxes) -> list[Row]:
    found = np.column_stack([frame.class_id, frame.score, frame.box]).tolist()
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in found]


def scaled(frame: Boxes, factor: int) -> Boxes:
    return Boxes(frame.class_id, frame.score, frame.box * factor, frame.confident)


def mirrored_in_time(times: Sequence[int]) -> list[int]:
    return [times[-1] - time for time in reversed(times)]


_edge = st.integers(0, 4000)
_size = st.integers(1, 3000)
# Few values, so that costs are equal now and then.
_coarse = st.sampled_from([0, 500, 1000, 1500])


def _row(edge: "st.SearchStrategy[int]", size: "st.SearchStrategy[int]") -> "st.SearchStrategy[Row]":
    made = st.tuples(st.integers(0, 1), st.integers(1750, 9000), edge, edge, size, size)
    return made.map(lambda row: (*row[:4], row[2] + row[4], row[3] + row[5]))


row = st.one_of(_row(_edge, _size), _row(_coarse, st.sampled_from([500, 1000])))
frame = st.lists(row, max_size=8).map(lambda rows: boxes(*rows))


@st.composite
def sequence(draw: st.DrawFn) -> tuple[list[Boxes], list[int]]:
    """Inferred frames and their times."""
    frames = draw(st.lists(frame, min_size=1, max_size=5))
    gaps = draw(st.lists(st.integers(3333, 2_000_000), min_size=len(frames) - 1, max_size=len(frames) - 1))
    return frames, [sum(gaps[:number]) for number in range(len(frames))]

"""The Parquet export, read by a strict reader of the format; it holds what CSV holds."""

import csv
import io
import json
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from api.results.exports import parquet
from api.results.selection import Query
from contracts.wire.messages import Options
from tests.support.results import parquet_reader
from tests.support.results.example_results import Made, block, header
from tests.support.results.exporting import exported
from tests.support.results.tracked_results import tracked

FRAMES = [
    (0, 0, [(0, 9000, 1), (1, 8000, 0)]),
    (1, 40, []),
    (2, 81, [(0, 5000, 1), (3, 1, 2)]),
    (3, 120, [(0, 10_000, 1)]),
]


def rows(content: bytes) -> list[dict[str, Any]]:
    columns = parquet_reader.read(content).columns
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def csv_rows(content: bytes) -> list[dict[str, Any]]:
    def value(name: str, text: str) -> Any:
        if name == "label":
            return text
        return json.loads(text) if text else None

    return [
        {name: value(name, text) for name, text in row.items()}
        for row in csv.DictReader(io.StringIO(content.decode(), newline=""))
    ]


@pytest.mark.parametrize("at_once", [1, 3, 100_000])
def test_it_has_the_rows_of_the_csv_in_row_groups_with_their_ranges(at_once: int) -> None:
    made = tracked(FRAMES)
    with patch.object(parquet, "ROWS", at_once):
        content = exported(made, "parquet")
    assert rows(content) == csv_rows(exported(made, "csv"))
    table = parquet_reader.read(content)
    assert table.columns["track"] == [1, None, 1, 2, 1]
    assert len(table.groups) == {1: 1, 3: 1, 100_000: 1}[at_once]  # a segment is not divided
    assert (table.ranges[0]["frame"], table.ranges[0]["track"]) == ((0, 3), (1, 2))
    assert json.loads(table.metadata["web_detector"])["model"]["id"] == "m"


def test_row_groups_follow_the_segments() -> None:
    segments = [block([(number, 40 * number, [(0, 5000 + number)])]) for number in range(5)]
    made = Made(header(), range(5), list(segments))
    with patch.object(parquet, "ROWS", 2):
        table = parquet_reader.read(exported(made, "parquet"))
    assert (table.groups, table.columns["frame"]) == ([2, 2, 1], [0, 1, 2, 3, 4])
    assert [ranges["frame"] for ranges in table.ranges] == [(0, 1), (2, 3), (4, 4)]
    assert "track" not in table.columns


def test_filled_frames_are_a_column_of_jobs_that_fill() -> None:
    frames = [(number, 40 * number, [(0, 5000)] * number) for number in range(5)]
    whole = replace(block(frames), filled=np.array([False, True, False, True, True]))
    made = Made(header(options=Options(frames="fine")), (0,), [whole])
    assert rows(exported(made, "parquet")) == csv_rows(exported(made, "csv"))


def test_a_selection_without_objects_is_a_table_without_rows() -> None:
    table = parquet_reader.read(exported(tracked(FRAMES), "parquet", Query(labels=("dog",), min_score=0.9)))
    assert (table.groups, set(map(len, table.columns.values()))) == ([], {0})

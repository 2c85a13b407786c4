"""What statements do not decide exactly of a search. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from analytics.search.area import touched
from analytics.search.hours import Span
from analytics.search.paths import unpack
from api.search.question import Question


class Matcher:
    """Decides about rows of tracks. spans: when they begin. jobs: their indexed jobs, None for any."""

    def __init__(self, question: Question, spans: Sequence[Span], jobs: frozenset[int] | None) -> None:
        self._spans = sorted(spans)
        self._starts = [low for low, _ in self._spans]
        self._jobs = jobs
        self._polygons = [np.array(polygon, np.int64) for polygon in question.polygons]

    def matching(self, rows: Sequence[Any]) -> list[Any]:
        """Those of the rows that match, in the same order."""
        found = [
            row for row in rows if self._in_time(row.at) and (self._jobs is None or row.indexed_job_id in self._jobs)
        ]
        return self._in_area(found) if self._polygons and found else found

    def _in_time(self, at: int) -> bool:
        place = bisect_right(self._starts, at) - 1
        return place >= 0 and at < self._spans[place][1]

    def _in_area(self, rows: Sequence[Any]) -> list[Any]:
        points, sizes = unpack([row.path for row in rows])
        found = np.zeros(len(rows), bool)
        for polygon in self._polygons:
            found |= touched(polygon, points, sizes)
        return [row for row, hit in zip(rows, found.tolist(), strict=True) if hit]

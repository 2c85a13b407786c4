"""What a process has counted: sums of counters, buckets of histograms."""

import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from contracts.metrics.table import BY_NAME, Metric


class Row(NamedTuple):
    """name: of the metric. labels: values of its labels. numbers: the sum of a counter; of a histogram, how many
    observations fell into each bucket (not into those before too), the last of which is +Inf, and then their sum."""

    name: str
    labels: tuple[str, ...]
    numbers: tuple[float, ...]


class Counts:
    """Takes what is counted, and keeps nothing: where nobody asks for metrics."""

    def add(self, metric: Metric, value: float = 1.0, *labels: str) -> None:
        """Add to a counter, or note an observation of a histogram. labels: one value for each of the metric's."""

    def flush(self) -> None:
        """A piece of work is done: what was counted may be passed on."""


class Totals(Counts):
    """Keeps what is counted. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, tuple[str, ...]], list[float]] = {}

    def add(self, metric: Metric, value: float = 1.0, *labels: str) -> None:
        with self._lock:
            numbers = self._of(metric, labels)
            if metric.buckets:
                numbers[bisect_left(metric.buckets, value)] += 1
            numbers[-1] += value

    def merge(self, rows: Iterable[Row]) -> None:
        """Add what another process has counted. Rows of metrics that are not known are left out."""
        with self._lock:
            for name, labels, numbers in rows:
                metric = BY_NAME.get(name)
                if metric is not None:
                    mine = self._of(metric, tuple(labels))
                    mine[:] = [one + other for one, other in zip(mine, numbers, strict=True)]

    def rows(self) -> list[Row]:
        """All of it."""
        with self._lock:
            return [Row(name, labels, tuple(numbers)) for (name, labels), numbers in self._numbers.items()]

    def take(self) -> list[Row]:
        """All of it, to begin anew."""
        with self._lock:
            rows = [Row(name, labels, tuple(numbers)) for (name, labels), numbers in self._numbers.items()]
            self._numbers.clear()
            return rows

    def _of(self, metric: Metric, labels: tuple[str, ...]) -> list[float]:
        """Raises ValueError for a gauge, which is read and not counted, and for a wrong number of labels."""
        found = self._numbers.get((metric.name, labels))
        if found is None:
            if metric.kind == "gauge" or len(labels) != len(metric.labels):
                raise ValueError(f"{metric.name} is a {metric.kind} with the labels {metric.labels}")
            length = len(metric.buckets) + 2 if metric.buckets else 1
            found = self._numbers[metric.name, labels] = [0.0] * length
        return found

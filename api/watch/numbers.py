"""Looks up what metrics say. Pure."""

from collections.abc import Iterable

from contracts.metrics.table import Metric, Reading


class Numbers:
    """Readings of gauges by their metric and label. What could not be read is None, or has no values."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._values = {(reading.metric.name, reading.labels): reading.value for reading in readings}

    def of(self, metric: Metric, *labels: str) -> float | None:
        """labels: one value for each of the metric's."""
        return self._values.get((metric.name, labels))

    def by_label(self, metric: Metric) -> dict[str, float]:
        """Of a metric with one label: the values by it."""
        return {labels[0]: value for (name, labels), value in self._values.items() if name == metric.name}

    def sum(self, metric: Metric, *labels: str) -> float:
        """Over some values of the metric's one label; 0 where nothing was read."""
        return sum(self.of(metric, label) or 0 for label in labels)

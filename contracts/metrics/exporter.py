"""The port at which Prometheus reads the metrics of a process. Imported only where METRICS_PORT is set: it is the only
file that imports prometheus_client, which a process without metrics need not load."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from contracts.metrics.line import Line
from contracts.metrics.table import Metric, MetricRole, Reading, of_role
from contracts.metrics.totals import Row, Totals

log = logging.getLogger(__name__)

_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_TRY_SECONDS = 5.0
_RECEIVE_SECONDS = 1.0


Read = Callable[[], Iterable[Reading]]


class RoleMetrics(Collector):
    """All metrics of a role, as prometheus_client asks for them at each scrape."""

    def __init__(self, role: MetricRole, totals: Totals, read: Read) -> None:
        """read: the gauges. What it raises fails the scrape."""
        self.totals = totals
        self._role, self._read = role, read

    def collect(self) -> Iterator[_Family]:
        """In the order of the table."""
        found: dict[str, list[tuple[tuple[str, ...], tuple[float, ...]]]] = {}
        for metric, value, labels in self._read():
            found.setdefault(metric.name, []).append((labels, (value,)))
        for name, labels, numbers in (*_zeros(self._role), *self.totals.rows()):
            found.setdefault(name, []).append((labels, numbers))
        for metric in of_role(self._role):
            yield _family(metric, dict(found.get(metric.name, [])))

    def describe(self) -> Iterator[_Family]:
        """Nothing: prometheus_client would scrape at the registration else."""
        return iter(())


def serve(port: int, host: str, metrics: RoleMetrics, stopping: threading.Event, line: Line | None = None) -> None:
    """Answer scrapes until the event is set, and take what other processes have counted.

    Where another process has the port, it waits for it: of the processes of an api, one answers for all.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    told = False
    while not stopping.is_set():
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            if not told:
                log.info("no metrics at %s:%d yet: %s", host, port, error)
            told = True
            stopping.wait(_TRY_SECONDS)
            continue
        log.info("metrics at http://%s:%d/metrics", host, port)
        try:
            _receive(metrics.totals, stopping, line)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _receive(totals: Totals, stopping: threading.Event, line: Line | None) -> None:
    if line is None:
        stopping.wait()
        return
    while not stopping.is_set():
        for rows in line.received(_RECEIVE_SECONDS):
            totals.merge(rows)


def _zeros(role: MetricRole) -> Iterator[Row]:
    """What is there from the start: all series whose labels are known."""
    for metric in of_role(role):
        if metric.kind == "gauge":
            continue
        empty = (0.0,) * (len(metric.buckets) + 2 if metric.buckets else 1)
        for labels in [(value,) for value in metric.values] if metric.labels else [()]:
            yield Row(metric.name, labels, empty)


def _family(metric: Metric, series: dict[tuple[str, ...], tuple[float, ...]]) -> _Family:
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        bounds = [*(f"{bound:g}" for bound in metric.buckets), "+Inf"]
        for labels, numbers in series.items():
            histogram.add_metric(labels, list(zip(bounds, accumulate(numbers[:-1]), strict=True)), numbers[-1])
        return histogram
    kind = GaugeMetricFamily if metric.kind == "gauge" else CounterMetricFamily
    family = kind(metric.name, metric.meaning, labels=metric.labels)
    for labels, numbers in series.items():
        family.add_metric(labels, numbers[0])
    return family

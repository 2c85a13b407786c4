"""The counts and the port of a process, as METRICS_PORT says."""

import threading
from collections.abc import Callable, Iterable

from contracts import RELEASE
from contracts.metrics.line import Line, Sent
from contracts.metrics.table import BUILD, MetricRole, Reading
from contracts.metrics.totals import Counts, Totals
from contracts.settings.table import Settings


class Metrics:
    """Of a process and the children that it forks afterwards. counts: for all of them."""

    def __init__(self, settings: Settings) -> None:
        self._port, self._host = settings.metrics_port, settings.metrics_host
        self._line = Line() if self._port else None
        self.counts = Sent(self._line) if self._line else Counts()

    def start(self, role: MetricRole, read: Callable[[], Iterable[Reading]] = tuple) -> Callable[[], None]:
        """Answer scrapes in a thread, where there is a port; returns what ends it. Call it after forks.

        read: the gauges of the role, asked for at each scrape. What it raises fails the scrape.
        """
        line, stopping = self._line, threading.Event()
        if line is None:
            return stopping.set
        from contracts.metrics.exporter import RoleMetrics, serve

        def read_all() -> Iterable[Reading]:
            return [Reading(BUILD, 1, (role, RELEASE)), *read()]

        metrics = RoleMetrics(role, Totals(), read_all)
        arguments = (self._port, self._host, metrics, stopping, line)
        threading.Thread(target=serve, args=arguments, name="metrics", daemon=True).start()
        return stopping.set

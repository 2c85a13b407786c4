"""The export of a process, as TRACES_URL says."""

import atexit
import os
from collections.abc import Callable

from contracts.metrics.table import MetricRole
from contracts.metrics.totals import Counts
from contracts.runtime import steps
from contracts.settings.table import Settings

# That the end of a process may take longer for the last steps to be sent.
CLOSE_SECONDS = 2.0


def export_traces(settings: Settings, role: MetricRole, counts: Counts) -> Callable[[], None]:
    """From now on the steps of this process, and of those that it forks, go to the collector, if there is one. Returns
    what sends the last ones, which happens by itself where the interpreter ends in order."""
    if not settings.traces_url:
        return lambda: None
    from contracts.traces.exporter import Exporter

    exporter = Exporter(settings.traces_url, f"web-detector-{role.replace('_', '-')}", counts)
    os.register_at_fork(after_in_child=exporter.reset)
    steps.export_to(exporter.add, settings.traces_share)

    def close() -> None:
        exporter.close(CLOSE_SECONDS)

    atexit.register(close)
    return close

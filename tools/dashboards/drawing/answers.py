"""What a Prometheus answers to the queries of a panel, over a span of time."""

import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import urllib3

from tools.dashboards.panel import Panel, Query

_LABEL = re.compile(r"{{\s*(\w+)\s*}}")


class Span(NamedTuple):
    """From start to end in seconds since 1970, asked every `step` seconds. window: of rates, such as 1m."""

    start: float
    end: float
    step: float
    window: str


@dataclass(frozen=True)
class Line:
    """A series. values: by time, without those that are no number."""

    name: str
    labels: dict[str, str]
    values: dict[float, float]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.values[max(self.values)]


class Prometheus:
    """One at an address such as http://127.0.0.1:9090."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/query_range"
        self._pool = urllib3.PoolManager()

    def lines(self, panel: Panel, span: Span) -> list[Line]:
        """Those of all queries of a panel; without series that have no value. Raises ValueError at a refused query."""
        return [line for query in panel.queries for line in self._lines(panel, query, span)]

    def _lines(self, panel: Panel, query: Query, span: Span) -> list[Line]:
        times = {"start": span.start, "end": span.end, "step": span.step}
        asked = {"query": query.within(span.window), **{name: str(time) for name, time in times.items()}}
        answer = self._pool.request("POST", self._url, fields=asked, encode_multipart=False).json()
        if answer["status"] != "success":
            raise ValueError(f"{panel.title}: {answer['error']}")
        found = [_line(query.legend or panel.title, series) for series in answer["data"]["result"]]
        return [line for line in found if line.values]


def _line(legend: str, series: dict[str, Any]) -> Line:
    labels: dict[str, str] = series["metric"]
    values = {float(time): float(value) for time, value in series["values"]}
    return Line(
        _LABEL.sub(lambda found: labels.get(found[1], ""), legend).strip(),
        labels,
        {time: value for time, value in values.items() if math.isfinite(value)},
    )

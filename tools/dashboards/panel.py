"""What a dashboard is made of. grafana.py makes Grafana's JSON of it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["timeseries", "stat", "heatmap"]
# What a panel reads that the service itself does not tell: jobs of deploy/monitoring/prometheus.yaml.
Exporter = Literal["rabbitmq", "redis", "postgres", "host", "containers"]
WINDOW = "$__rate_interval"


class Query(NamedTuple):
    """expression: PromQL. legend: of its series, with {{label}}."""

    expression: str
    legend: str = ""

    def within(self, window: str) -> str:
        """The expression with a window for its rates, which else is Grafana's choice."""
        return self.expression.replace(WINDOW, window)


@dataclass(frozen=True)
class Panel:
    """asks: the question that it answers. unit: one of Grafana's ids. warn: from this value on (below it, where
    falling) it is red. width: of 24 columns. exporter: without it the panel is empty."""

    title: str
    asks: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    stacked: bool = False
    warn: float | None = None
    falling: bool = False
    names: tuple[tuple[int, str], ...] = ()
    exporter: Exporter | None = None


@dataclass(frozen=True)
class Dashboard:
    """name: of its file, and part of its uid, which never changes since links hold it. rows: by title."""

    name: str
    title: str
    asks: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Of all rows."""
        return tuple(panel for _, panels in self.rows for panel in panels)

    @property
    def of_the_service(self) -> tuple[Panel, ...]:
        """The panels that need no exporter."""
        return tuple(panel for panel in self.panels if panel.exporter is None)


def by(expression: str, label: str) -> tuple[Query, ...]:
    """One query whose series are named by a label."""
    return (Query(expression, f"{{{{{label}}}}}"),)


def of_each_process(operator: str, expression: str) -> tuple[Query, ...]:
    """Containers of two hosts may have one address, so a process is known by both."""
    return (Query(f"{operator} by (host, instance) ({expression})", "{{host}} {{instance}}"),)


def one(expression: str, legend: str = "") -> tuple[Query, ...]:
    """One query with one series."""
    return (Query(expression, legend),)


def rate(metric: str, labels: str = "", matchers: str = "") -> str:
    """The sum of a counter's rates, by labels."""
    grouped = f" by ({labels})" if labels else ""
    return f"sum{grouped} (rate({metric}{matchers}[{WINDOW}]))"


def quantiles(metric: str, *wanted: float, matchers: str = "") -> tuple[Query, ...]:
    """Quantiles of a histogram over all that have it."""
    buckets = rate(f"{metric}_bucket", "le", matchers)
    return tuple(Query(f"histogram_quantile({value}, {buckets})", f"{100 * value:g} %") for value in wanted)


def quantile_by(metric: str, label: str, wanted: float, matchers: str = "") -> tuple[Query, ...]:
    """A quantile of a histogram for each value of a label."""
    return by(f"histogram_quantile({wanted}, {rate(f'{metric}_bucket', f'le, {label}', matchers)})", label)

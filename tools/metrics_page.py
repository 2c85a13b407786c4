"""Writes the table of all metrics into docs/operate/metrics.md: `python -m tools.metrics_page`."""

import re
from pathlib import Path

from contracts.metrics.table import ROLES, TABLE, Metric

PAGE = Path(__file__).parents[1] / "docs/operate/metrics.md"
_HEAD = "| Metric | Type | Unit | Labels | Roles | Meaning |\n| --- | --- | --- | --- | --- | --- |\n"
_SECTION = re.compile(r"(## All metrics\n\n).*?(?=\n## )", re.S)


def row(metric: Metric) -> str:
    """The line of a metric."""
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    labels += f": {', '.join(metric.values)}" if metric.values else ""
    roles = "all" if set(metric.roles) == set(ROLES) else ", ".join(metric.roles)
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {roles} | {metric.meaning} |"


def page(text: str) -> str:
    """The page with the table as it is now."""
    table = _HEAD + "".join(f"{row(metric)}\n" for metric in TABLE)
    return _SECTION.sub(lambda found: found[1] + table, text, count=1)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))

"""Draws the dashboards, of what a Prometheus has, as pictures.

    python -m tools.dashboards.pictures http://127.0.0.1:9090 --into FOLDER [--minutes 180] [--only jobs live]

For where there is no Grafana: one SVG file per dashboard, drawn here.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from tools.dashboards.__main__ import DASHBOARDS
from tools.dashboards.drawing.answers import Prometheus, Span
from tools.dashboards.drawing.picture import picture_of
from tools.dashboards.panel import Dashboard

# A point for every three pixels or so of a panel's width.
_POINTS = 120


def span_until(end: float, minutes: float, window: str) -> Span:
    """The minutes before a time. window: of rates."""
    seconds = max(minutes * 60, 1)
    return Span(end - seconds, end, max(seconds / _POINTS, 1), window)


def draw(url: str, dashboards: Sequence[Dashboard], span: Span, folder: Path) -> list[Path]:
    """Writes a file for each dashboard."""
    server = Prometheus(url)
    written = []
    for dashboard in dashboards:
        path = folder / f"dashboard-{dashboard.name}.svg"
        path.write_text(picture_of(dashboard, lambda panel: server.lines(panel, span), span))
        written.append(path)
    return written


def main() -> None:
    """Entry point."""
    names = [dashboard.name for dashboard in DASHBOARDS]
    parser = argparse.ArgumentParser(description="Draw the dashboards of what a Prometheus has.")
    parser.add_argument("url", help="of Prometheus, such as http://127.0.0.1:9090")
    parser.add_argument("--into", type=Path, default=Path(), metavar="FOLDER", help="where the files go")
    parser.add_argument("--minutes", type=float, default=180, help="how far back (default: 180)")
    parser.add_argument("--window", default="5m", help="of rates, four scrapes at least (default: 5m)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="dashboards (default: all)")
    options = parser.parse_args()
    chosen = [dashboard for dashboard in DASHBOARDS if dashboard.name in options.only]
    for path in draw(options.url, chosen, span_until(time.time(), options.minutes, options.window), options.into):
        print(path)


if __name__ == "__main__":
    main()

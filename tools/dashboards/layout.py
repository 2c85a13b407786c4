"""Where the panels of a dashboard are, in Grafana's grid of 24 columns."""

from typing import NamedTuple

from tools.dashboards.panel import Dashboard, Kind, Panel

COLUMNS = 24
_HEIGHTS: dict[Kind, int] = {"stat": 4, "timeseries": 8, "heatmap": 8}


class Place(NamedTuple):
    """In columns and rows of the grid."""

    left: int
    top: int
    width: int
    height: int


def layout(dashboard: Dashboard) -> list[tuple[Panel | str, Place]]:
    """The titles of rows, one below the other, each before its panels, which go from left to right."""
    placed: list[tuple[Panel | str, Place]] = []
    top = 0
    for title, panels in dashboard.rows:
        placed.append((title, Place(0, top, COLUMNS, 1)))
        top += 1
        left = tallest = 0
        for panel in panels:
            if left + panel.width > COLUMNS:
                left, top, tallest = 0, top + tallest, 0
            height = _HEIGHTS[panel.kind]
            placed.append((panel, Place(left, top, panel.width, height)))
            left, tallest = left + panel.width, max(tallest, height)
        top += tallest
    return placed

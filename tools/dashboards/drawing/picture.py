"""A dashboard as one picture."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tools.dashboards.drawing import svg
from tools.dashboards.drawing.answers import Line, Span
from tools.dashboards.drawing.panels import draw_panel
from tools.dashboards.drawing.svg import Box
from tools.dashboards.layout import Place, layout
from tools.dashboards.panel import Dashboard, Panel

_COLUMN, _ROW, _GAP, _HEAD = 50, 26, 4, 56


def picture_of(dashboard: Dashboard, lines_of: Callable[[Panel], Sequence[Line]], span: Span) -> str:
    """In SVG. lines_of: what a panel has over the span."""
    placed = layout(dashboard)
    last = placed[-1][1]
    width, height = 24 * _COLUMN + 2 * _GAP, _HEAD + (last.top + last.height) * _ROW + 2 * _GAP
    root = svg.picture(width, height, f"Web-Detector: {dashboard.title}")
    svg.text(root, 12, 25, f"Web-Detector: {dashboard.title}", font_size="17", font_weight="600")
    svg.text(root, 12, 44, dashboard.asks, svg.FAINT, font_size="12")
    first, end = (datetime.fromtimestamp(time, UTC) for time in (span.start, span.end))
    told = f"{first:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
    svg.text(root, width - 12, 25, told, svg.FAINT, text_anchor="end", font_size="12")
    for shown, place in placed:
        box = _box(place)
        if isinstance(shown, str):
            svg.text(root, box.left + 6, box.bottom - 5, shown, font_size="13", font_weight="600")
        else:
            draw_panel(root, shown, lines_of(shown), span, box)
    return svg.written(root)


def _box(place: Place) -> Box:
    whole = Box(_GAP + place.left * _COLUMN, _HEAD + place.top * _ROW, place.width * _COLUMN, place.height * _ROW)
    return whole.inside(_GAP, _GAP, _GAP, _GAP)

"""Axes and legends of panels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from tools.dashboards.drawing import svg
from tools.dashboards.drawing.answers import Line, Span
from tools.dashboards.drawing.svg import Box
from tools.dashboards.drawing.units import text_of

COLOURS = (
    "#3274d9", "#e0752d", "#37872d", "#a352cc", "#b8860b", "#128c9c", "#c4457a", "#5f6c7b", "#7a5230", "#8ab800",
)  # fmt: skip
RED = "#d32f2f"
_LEGEND_ROWS, _LEGEND_LINE, _GAP = 3, 15, 12
# Between two texts of the axis of times, in seconds.
_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MOST_TIMES = 6


def colour(place: int) -> str:
    """Of a series by its place."""
    return COLOURS[place % len(COLOURS)]


@dataclass(frozen=True)
class Axes:
    """The area of a plot, the times that it spans, and the value at its top; 0 is at its bottom."""

    box: Box
    span: Span
    top: float

    def x(self, time: float) -> float:
        """Of a time."""
        return self.box.left + (time - self.span.start) / (self.span.end - self.span.start) * self.box.width

    def y(self, value: float) -> float:
        """Of a value; what is above the top is drawn at it."""
        return self.box.bottom - min(max(value / self.top, 0), 1) * self.box.height


def draw_times(parent: Element, axes: Axes) -> None:
    """Times of the day, in UTC, below the plot."""
    start, end = axes.span.start, axes.span.end
    step = next((step for step in _STEPS if (end - start) / step <= _MOST_TIMES), _STEPS[-1])
    shown = "%H:%M:%S" if step < 60 else "%H:%M" if end - start <= 86400 else "%d %b %H:%M"
    time = -(-start // step) * step
    while time <= end:
        left = axes.x(time)
        svg.path(parent, [(left, axes.box.top), (left, axes.box.bottom)], svg.GRID)
        told = datetime.fromtimestamp(time, UTC).strftime(shown)
        svg.text(parent, left, axes.box.bottom + 13, told, svg.FAINT, text_anchor="middle", font_size="10")
        time += step


def draw_level(parent: Element, axes: Axes, value: float, told: str) -> None:
    """A line of the grid with the text of its value."""
    y = axes.y(value)
    svg.path(parent, [(axes.box.left, y), (axes.box.right, y)], svg.GRID)
    svg.text(parent, axes.box.left - 5, y + 3.5, told, svg.FAINT, text_anchor="end", font_size="10")


def legend_height(lines: Sequence[Line], unit: str, width: float) -> float:
    """In pixels."""
    return _LEGEND_LINE * len(_rows(_entries(lines, unit), width))


def draw_legend(parent: Element, lines: Sequence[Line], unit: str, box: Box) -> None:
    """Names with their newest values, in as many rows as it takes; what has no room is counted."""
    for row, entries in enumerate(_rows(_entries(lines, unit), box.width)):
        left, baseline = box.left, box.top + _LEGEND_LINE * row + 10
        for place, name, value in entries:
            if place is not None:
                svg.rect(parent, Box(left, baseline - 5, 10, 3), colour(place))
            told = svg.text(parent, left + 14, baseline, name, svg.FAINT if place is None else svg.INK)
            svg.continued(told, value, svg.FAINT)
            left += _width((place, name, value))


# The place of a series (none: of the text that counts those left out), its name and its newest value.
_Entry = tuple[int | None, str, str]


def _entries(lines: Sequence[Line], unit: str) -> list[_Entry]:
    return [(place, line.name, text_of(unit, line.last)) for place, line in enumerate(lines)]


def _width(entry: _Entry) -> float:
    return 14 + svg.width_of(f"{entry[1]} {entry[2]}") + _GAP


def _rows(entries: Sequence[_Entry], width: float) -> list[list[_Entry]]:
    """As many entries in each row as have room; at the end of the last possible one how many have none."""
    rows: list[list[_Entry]] = []
    used = width
    for number, (place, name, value) in enumerate(entries):
        entry = (place, svg.shortened(name, width - 14 - svg.width_of(f" {value}")), value)
        if used + _width(entry) > width + _GAP:
            if len(rows) == _LEGEND_ROWS:
                return [*rows[:-1], _closed(rows[-1], len(entries) - number, width)]
            rows.append([])
            used = 0
        rows[-1].append(entry)
        used += _width(entry)
    return rows


def _closed(row: list[_Entry], left_out: int, width: float) -> list[_Entry]:
    """A row with the number of those that are left out, in place of its last entry where there is no room else."""
    if sum(map(_width, row)) + _width((None, f"+ {left_out}", "")) > width + _GAP:
        row, left_out = row[:-1], left_out + 1
    return [*row, (None, f"+ {left_out}", "")]

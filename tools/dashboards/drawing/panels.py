"""A panel as a part of a picture."""

import math
from collections.abc import Sequence
from itertools import pairwise
from xml.etree.ElementTree import Element

from tools.dashboards.drawing import svg
from tools.dashboards.drawing.answers import Line, Span
from tools.dashboards.drawing.axes import RED, Axes, colour, draw_legend, draw_level, draw_times, legend_height
from tools.dashboards.drawing.svg import Box
from tools.dashboards.drawing.units import text_of, ticks
from tools.dashboards.panel import Panel

_GREEN = "#2e7d32"
_HEAD, _MARGIN, _TIMES = 26, 10, 18
_STAT_WIDTH = 90
_LEAST_SHARE = 0.001
_TOLERANCE = 0.4  # pixels
_SHADES = ("#fff1e0", "#fdd0a2", "#fdae6b", "#fd8d3c", "#e6550d", "#a63603")


def draw_panel(parent: Element, panel: Panel, lines: Sequence[Line], span: Span, box: Box) -> None:
    """Its title, its threshold, and what it shows of the lines."""
    part = svg.group(parent, f"panel {panel.kind}", panel.title)
    svg.rect(part, box, svg.PAPER, stroke=svg.GRID, rx="3")
    title = svg.shortened(panel.title, box.width - 2 * _MARGIN, 12)
    svg.text(part, box.left + _MARGIN, box.top + 17, title, font_weight="600", font_size="12")
    if panel.warn is not None and not panel.names:
        _draw_threshold(part, panel, panel.warn, box)
    inner = box.inside(_MARGIN, _HEAD, _MARGIN, _MARGIN - 2)
    if not lines:
        middle = inner.left + inner.width / 2
        svg.text(part, middle, inner.top + inner.height / 2, "no data", svg.FAINT, text_anchor="middle")
    elif panel.kind == "stat":
        _draw_stat(part, panel, lines, inner)
    elif panel.kind == "heatmap":
        _draw_heatmap(part, panel, lines, span, inner)
    else:
        _draw_series(part, panel, lines, span, inner)


def _draw_threshold(part: Element, panel: Panel, warn: float, box: Box) -> None:
    """From which value on the panel is red; not where it has no room beside the title."""
    told = f"red {'below' if panel.falling else 'from'} {text_of(panel.unit, warn)}"
    if svg.width_of(panel.title, 13) + svg.width_of(told, 10) + 3 * _MARGIN < box.width:
        svg.text(part, box.right - _MARGIN, box.top + 17, told, RED, text_anchor="end", font_size="10")


def _draw_stat(part: Element, panel: Panel, lines: Sequence[Line], box: Box) -> None:
    """The newest value of each line, side by side where they have room."""
    columns = min(len(lines), max(int(box.width / _STAT_WIDTH), 1))
    rows = math.ceil(len(lines) / columns)
    width, height = box.width / columns, box.height / rows
    size = min(24.0, height * 0.55)
    for place, line in enumerate(lines):
        left, top = box.left + width * (place % columns), box.top + height * (place // columns)
        told = dict(panel.names).get(round(line.last)) or text_of(panel.unit, line.last)
        middle = top + height / 2 + size / 3
        if line.name != panel.title:
            svg.text(part, left, top + 10, svg.shortened(line.name, width - 4), svg.FAINT)
            middle += 5
        svg.text(
            part, left, middle, told, _verdict(panel, line.last), font_size=svg.number(size), font_weight="600",
            class_="value",
        )  # fmt: skip


def _verdict(panel: Panel, value: float) -> str:
    if panel.warn is None:
        return svg.INK
    return RED if (value < panel.warn) == panel.falling else _GREEN


def _draw_series(part: Element, panel: Panel, lines: Sequence[Line], span: Span, box: Box) -> None:
    """Lines over one another, or stacked areas; below them their names."""
    shown = _stacked(lines, span) if panel.stacked else [line.values for line in lines]
    highest = max(max(values.values()) for values in shown)
    if panel.warn is not None and highest < panel.warn < 3 * highest:
        highest = panel.warn
    levels = ticks(panel.unit, highest)
    axes = _axes(box, span, levels[-1][0], [told for _, told in levels], legend_height(lines, panel.unit, box.width))
    draw_times(part, axes)
    for value, told in levels:
        draw_level(part, axes, value, told)
    # The last ones first: of lines in one place, that one is seen which fills the area below it.
    for place in reversed(range(len(shown))):
        below = shown[place - 1] if place else {}
        _draw_line(part, axes, shown[place], colour(place), below if panel.stacked else None)
    if panel.warn is not None and panel.warn <= axes.top:
        y = axes.y(panel.warn)
        svg.path(part, [(axes.box.left, y), (axes.box.right, y)], RED, stroke_dasharray="5 4", class_="threshold")
    draw_legend(part, lines, panel.unit, Box(box.left, axes.box.bottom + _TIMES, box.width, 0))


def _axes(box: Box, span: Span, top: float, told: Sequence[str], below: float) -> Axes:
    left = max(svg.width_of(one, 10) for one in told) + 7
    return Axes(box.inside(left, 4, 12, _TIMES + below), span, top)


def _stacked(lines: Sequence[Line], span: Span) -> list[dict[float, float]]:
    """The upper edge of each line upon those before it. One without a value at a time adds nothing there."""
    times = sorted({time for line in lines for time in line.values})
    edges: list[dict[float, float]] = []
    below = dict.fromkeys(times, 0.0)
    for line in lines:
        below = {time: low + line.values.get(time, 0.0) for time, low in below.items()}
        edges.append(below)
    return edges


def _draw_line(
    part: Element, axes: Axes, values: dict[float, float], drawn: str, floor: dict[float, float] | None
) -> None:
    """A line with gaps where it has no values; filled down to the floor, if there is one. A single value is a dot."""
    for times in _runs(sorted(values), axes.span.step):
        edge = simplified([(axes.x(time), axes.y(values[time])) for time in times])
        if floor is not None:
            back = simplified([(axes.x(time), axes.y(floor.get(time, 0.0))) for time in times])
            area = svg.path(part, [*edge, *reversed(back)], "none", fill_opacity="0.3")
            area.set("fill", drawn)
        ends = edge if len(edge) > 1 else [*edge, (edge[0][0] + 0.1, edge[0][1])]
        svg.path(part, ends, drawn, stroke_width="1.5", stroke_linecap="round", class_="line")


def _runs(times: Sequence[float], step: float) -> list[list[float]]:
    """Times without gaps between them."""
    runs: list[list[float]] = [[times[0]]]
    for before, time in pairwise(times):
        if time - before > 1.5 * step:
            runs.append([])
        runs[-1].append(time)
    return runs


def simplified(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without points that the line passes anyway, within a part of a pixel (after Douglas and Peucker)."""
    first, last = points[0], points[-1]
    if len(points) < 3:
        return list(points)
    slope = (last[1] - first[1]) / (last[0] - first[0])
    off = [abs(y - first[1] - slope * (x - first[0])) for x, y in points]
    farthest = max(range(len(points)), key=off.__getitem__)
    if off[farthest] <= _TOLERANCE:
        return [first, last]
    return [*simplified(points[: farthest + 1])[:-1], *simplified(points[farthest:])]


def _draw_heatmap(part: Element, panel: Panel, lines: Sequence[Line], span: Span, box: Box) -> None:
    """Buckets of a histogram (lines by `le`, each with all that are below it): the darker, the more of a time."""
    buckets = sorted(lines, key=lambda line: float(line.labels["le"]))
    told = ["> " + text_of(panel.unit, float(below.labels["le"])) if math.isinf(float(line.labels["le"]))
            else text_of(panel.unit, float(line.labels["le"]))
            for below, line in zip([buckets[0], *buckets], buckets, strict=False)]  # fmt: skip
    axes = _axes(box, span, len(buckets), told, 0)
    draw_times(part, axes)
    for place, name in enumerate(told):
        if place % 2 or place == len(told) - 1:
            y = axes.y(place + 0.5) + 3.5
            svg.text(part, axes.box.left - 5, y, name, svg.FAINT, text_anchor="end", font_size="10")
    for place, shares in enumerate(_shares(buckets)):
        for first, last, shade in _stretches(shares, span.step):
            left, right = max(axes.x(first - span.step), axes.box.left), axes.x(last)
            cell = Box(left, axes.y(place + 1), right - left, axes.box.height / len(buckets))
            svg.rect(part, cell, _SHADES[shade], class_="cell")


def _shares(buckets: Sequence[Line]) -> list[dict[float, float]]:
    """What each bucket has of all at a time, without what those below it have."""
    shares: list[dict[float, float]] = []
    below: dict[float, float] = {}
    for bucket in buckets:
        together = {time: bucket.values.get(time, below.get(time, 0.0)) for time in buckets[-1].values}
        shares.append(
            {
                time: (reached - below.get(time, 0.0)) / buckets[-1].values[time]
                for time, reached in together.items()
                if buckets[-1].values[time] > 0
            }
        )
        below = together
    return shares


def _stretches(shares: dict[float, float], step: float) -> list[tuple[float, float, int]]:
    """First and last time of each stretch of one shade; none where there is next to nothing."""
    found: list[tuple[float, float, int]] = []
    for time, share in sorted(shares.items()):
        shade = min(int(share * len(_SHADES)), len(_SHADES) - 1)
        if share < _LEAST_SHARE:
            continue
        if found and found[-1][2] == shade and time - found[-1][1] < 1.5 * step:
            found[-1] = (found[-1][0], time, shade)
        else:
            found.append((time, time, shade))
    return found

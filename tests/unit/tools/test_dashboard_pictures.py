"""Dashboards drawn as SVG, of made-up series. Of a real Prometheus: tests/service/streams/test_monitoring.py."""

import re
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.dashboards.drawing.answers import Line, Span
from tools.dashboards.drawing.axes import RED, colour
from tools.dashboards.drawing.panels import simplified
from tools.dashboards.drawing.picture import picture_of
from tools.dashboards.drawing.units import text_of, ticks
from tools.dashboards.panel import Dashboard, Kind, Panel, one

SPAN = Span(1_700_000_000, 1_700_000_600, 60, "5m")
TIMES = [SPAN.start + SPAN.step * place for place in range(11)]
SVG = "{http://www.w3.org/2000/svg}"


def line(name: str, *values: float | None, **labels: str) -> Line:
    given = {time: value for time, value in zip(TIMES, values, strict=False) if value is not None}
    return Line(name, labels, given)


def panel(kind: Kind = "timeseries", unit: str = "short", **more: object) -> Panel:
    return Panel("Load", "How much?", unit, one("up"), kind=kind, **more)  # type: ignore[arg-type]


def drawn(shown: Panel, *lines: Line) -> Element:
    """The part of the picture that is the panel."""
    dashboard = Dashboard("d", "D", "What?", (("Row", (shown,)),))
    root = ElementTree.fromstring(picture_of(dashboard, lambda _: lines, SPAN))  # noqa: S314  (ours)
    [found] = [part for part in root.iter(f"{SVG}g") if part.get("aria-label") == shown.title]
    return found


def texts(part: Element) -> list[str]:
    return [found.text or "" for found in part.iter(f"{SVG}text")]


def points(part: Element, kind: str = "line") -> list[list[tuple[float, float]]]:
    """Of each path of a class."""
    paths = [found.get("d", "") for found in part.iter(f"{SVG}path") if found.get("class") == kind]
    return [[(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)] for path in paths]


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("short", 0, "0"), ("short", 3, "3"), ("short", 1234, "1.23 K"), ("short", 12_345_678, "12.3 M"),
        ("bytes", 10 * 1024**3, "10 GiB"), ("bytes", 0, "0 B"), ("Bps", 1_500_000, "1.5 MB/s"),
        ("s", 0, "0 s"), ("s", 0.0042, "4.2 ms"), ("s", 5e-7, "0.5 µs"), ("s", 90, "1.5 min"), ("s", 604_800, "7 days"),
        ("percentunit", 1.25, "125 %"), ("percentunit", 0, "0 %"), ("cps", 25, "25 c/s"), ("reqps", 0.5, "0.5 req/s"),
        ("ops", 2000, "2 K ops/s"),
    ],
)  # fmt: skip
def test_values_have_their_unit(unit: str, value: float, text: str) -> None:
    assert text_of(unit, value) == text


@given(st.sampled_from(["short", "bytes", "Bps", "s", "percentunit", "cps"]), st.floats(1e-6, 1e12))
def test_the_axis_reaches_the_highest_value_in_a_few_even_steps(unit: str, highest: float) -> None:
    levels = [value for value, _ in ticks(unit, highest)]
    assert levels[0] == 0
    assert 1 <= len(levels) - 1 <= 5
    assert levels[-2] < highest * (1 + 1e-6)
    assert levels[-1] >= highest * (1 - 1e-6)
    told = [text for _, text in ticks(unit, highest)]
    assert len(set(told)) == len(told)


def test_a_line_is_where_its_values_are_with_a_gap_where_it_has_none() -> None:
    part = drawn(panel(), line("a", 0, 1, None, None, 2, 4))
    first, second = points(part)
    assert [len(first), len(second)] == [2, 2]
    (left, bottom), (_, above) = first
    right, top = second[1]
    assert bottom - above == pytest.approx((bottom - top) / 4, abs=0.2)  # 1 of 4
    width = (right - left) / 5
    assert second[0][0] == pytest.approx(left + 4 * width, abs=0.2)
    assert {"a", "4", "Load", "0", "1"} <= set(texts(part))


def test_a_single_value_is_seen() -> None:
    [[(left, _), (right, _)]] = points(drawn(panel(), line("a", None, 3)))
    assert 0 < right - left < 1


def test_stacked_lines_lie_upon_one_another() -> None:
    upper, lower = points(drawn(panel(stacked=True), line("a", 1, 1, 1), line("b", 1, None, 2)))
    height = lower[0][1]
    bottom = height + (height - upper[0][1])
    assert [round(y - height) for _, y in lower] == [0, 0]  # level: its two ends
    assert [(bottom - y) / (bottom - height) for _, y in upper] == pytest.approx([2, 1, 3], abs=0.05)


def test_lines_have_different_colours_and_the_legend_names_them() -> None:
    lines = [line(f"series {place}", place, place + 1) for place in range(3)]
    part = drawn(panel(), *lines)
    strokes = [found.get("stroke") for found in part.iter(f"{SVG}path") if found.get("class") == "line"]
    assert strokes == [colour(2), colour(1), colour(0)]  # the first one lies on top
    assert {"series 0", "series 1", "series 2"} <= set(texts(part))


def test_a_legend_without_room_counts_what_it_leaves_out() -> None:
    names = [f"http://host-{place}.example:8000/metrics" for place in range(20)]
    told = texts(drawn(panel(), *[line(name, 1) for name in names]))
    shown = [name for name in names if name in told]
    assert 0 < len(shown) < len(names)
    assert f"+ {len(names) - len(shown)}" in told


@pytest.mark.parametrize(("highest", "dashed"), [(0.5, 1), (2.0, 1), (0.001, 0)])
def test_a_threshold_is_told_and_drawn_where_values_are_near(highest: float, dashed: int) -> None:
    part = drawn(panel(unit="percentunit", warn=1), line("a", 0, highest))
    assert "red from 100 %" in texts(part)
    assert len(points(part, "threshold")) == dashed


@pytest.mark.parametrize(
    ("value", "falling", "red"), [(1, False, True), (0, False, False), (0, True, True), (1, True, False)]
)
def test_a_number_is_red_beyond_its_threshold(value: float, falling: bool, red: bool) -> None:
    shown = panel("stat", warn=1, falling=falling, names=((0, "down"), (1, "up")))
    [told] = [found for found in drawn(shown, line("redis", value)).iter(f"{SVG}text") if found.get("class") == "value"]
    assert told.text == ("up" if value else "down")
    assert (told.get("fill") == RED) is red


def test_a_heatmap_has_a_cell_for_each_bucket_with_something_of_its_own() -> None:
    part = drawn(
        panel("heatmap", "s"),
        line("+Inf", 4, 4, 8, le="+Inf"), line("0.1", 1, 4, 8, le="0.1"), line("1", 3, 4, 8, le="1.0"),
    )  # fmt: skip
    cells = [found for found in part.iter(f"{SVG}rect") if found.get("class") == "cell"]
    assert len(cells) == 3 + 1
    assert len({found.get("y") for found in cells}) == 3
    assert {"1 s", "> 1 s"} <= set(texts(part))


def test_a_panel_without_data_says_so() -> None:
    part = drawn(panel())
    assert texts(part) == ["Load", "no data"]


def test_names_of_others_are_no_markup() -> None:
    assert '<b>&"' in texts(drawn(panel(), line('<b>&"', 1)))


@given(st.lists(st.floats(0, 100), min_size=2, max_size=60))
def test_a_simplified_line_passes_all_points_within_half_a_pixel(values: list[float]) -> None:
    given = [(3.0 * place, value) for place, value in enumerate(values)]
    kept = simplified(given)
    assert (kept[0], kept[-1]) == (given[0], given[-1])
    for x, y in given:
        before, after = next((a, b) for a, b in pairwise(kept) if a[0] <= x <= b[0])
        share = (x - before[0]) / (after[0] - before[0])
        assert abs(before[1] + share * (after[1] - before[1]) - y) <= 0.5


def test_a_straight_line_is_its_two_ends() -> None:
    assert simplified([(float(x), 2.0 * x) for x in range(100)]) == [(0, 0), (99, 198)]

"""Boxes and labels on a picture, without a video."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.renditions.drawing import PALETTE, Found, colour_of, draw, fill, lettering, outline, tag, to_yuv
from processor.renditions.picture import Picture, fitted
from tests.support.deployments.service import ROOT

GREY = (100, 128, 128)
RED = (81, 90, 240)


def blank(width: int = 160, height: int = 120) -> Picture:
    half = (height // 2, width // 2)
    return Picture(
        np.full((height, width), GREY[0], np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8), "601"
    )


def changed(picture: Picture) -> set[tuple[int, int]]:
    """(x, y) of the pixels that are not grey any more, and those whose colour is not."""
    bright = {(x, y) for y, x in np.argwhere(picture.y != GREY[0]).tolist()}
    colour = np.argwhere((picture.u != 128) | (picture.v != 128)).tolist()
    assert bright <= {(2 * x + i, 2 * y + j) for y, x in colour for i in (0, 1) for j in (0, 1)}
    return bright


def test_colours_are_converted_to_yuv() -> None:
    assert to_yuv((255, 255, 255), "601") == to_yuv((255, 255, 255), "709") == (235, 128, 128)
    assert to_yuv((0, 0, 0), "2020") == (16, 128, 128)
    assert (to_yuv((255, 0, 0), "601"), to_yuv((255, 0, 0), "709")) == ((81, 90, 240), (63, 102, 240))


def test_palette_repeats() -> None:
    assert colour_of(0) == (0xE6, 0x9F, 0x00)
    assert [colour_of(n) for n in range(8)] == [colour_of(n + 8) for n in range(8)]
    assert len(set(PALETTE)) == 8


def test_palette_equals_that_of_the_web_ui() -> None:
    page = (ROOT / "web/src/lib/palette.ts").read_text()
    assert tuple(re.findall(r'"(#[0-9A-F]{6})"', page)) == PALETTE


def test_a_box_is_drawn_inside_of_its_edges() -> None:
    picture = blank()
    outline(picture, (20, 30, 60, 70), 2, RED)
    inner = {(x, y) for x in range(22, 58) for y in range(32, 68)}
    assert changed(picture) == {(x, y) for x in range(20, 60) for y in range(30, 70)} - inner
    assert (picture.y[30, 20], picture.u[15, 10], picture.v[15, 10]) == RED


@given(*[st.integers(0, 30).map(lambda n: n * 2)] * 4, st.sampled_from([2, 4]))
def test_a_dashed_box_is_the_box_with_gaps_and_with_its_corners(
    x: int, y: int, width: int, height: int, line: int
) -> None:
    whole, dashed = blank(), blank()
    corners = (x, y, x + width, y + height)
    outline(whole, corners, line, RED)
    outline(dashed, corners, line, RED, dashed=True)
    assert changed(dashed) <= changed(whole)
    if width >= 12 * line and height >= 12 * line:
        assert len(changed(dashed)) < 0.75 * len(changed(whole))
        edges = [(a, b) for a in (x, x + width - 1) for b in (y, y + height - 1)]
        assert set(edges) <= changed(dashed)


@given(st.tuples(*[st.integers(-200, 400).map(lambda n: n * 2)] * 4))
def test_boxes_are_clipped_to_the_picture(corners: tuple[int, int, int, int]) -> None:
    picture = blank()
    fill(picture, corners, RED)
    x1, y1, x2, y2 = corners
    inside = {(x, y) for x in range(max(x1, 0), min(x2, 160)) for y in range(max(y1, 0), min(y2, 120))}
    assert changed(picture) == inside


@given(st.tuples(st.floats(-50, 250), st.floats(-50, 250), st.floats(-50, 250), st.floats(-50, 250)))
def test_any_box_can_be_drawn(box: tuple[float, float, float, float]) -> None:
    draw(blank(), (160, 120), [Found("person", 0, 0.5, box)])
    draw(blank(2, 2), (1, 1), [Found("a very long label", 3, 0.5, box)])


def test_boxes_are_drawn_to_the_scale_of_the_picture() -> None:
    large, small = blank(320, 240), blank(160, 120)
    draw(large, (320, 240), [Found("", 0, 0.5, (80, 80, 160, 160))])
    draw(small, (320, 240), [Found("", 0, 0.5, (80, 80, 160, 160))])
    bottom = [max(y for _, y in changed(picture)) + 1 for picture in (large, small)]
    assert bottom == [160, 80]


def test_best_score_is_drawn_on_top() -> None:
    picture = blank()
    objects = [Found("", n, score, (40, 60, 120, 110)) for n, score in ((1, 0.4), (2, 0.9), (3, 0.5))]
    draw(picture, (160, 120), objects)
    assert picture.y[100, 40] == to_yuv(colour_of(2), "601")[0]


@pytest.mark.parametrize(
    ("corners", "place"),
    [
        ((40, 60, 80, 90), (40, None, 60)),  # above the box
        ((40, 4, 80, 90), (40, 4, None)),  # no room above: inside
        ((150, 60, 158, 90), (None, None, 60)),  # no room to the right: as far as it goes
        ((-20, -20, 40, 40), (0, 0, None)),
    ],
)
def test_a_label_is_in_the_picture_wherever_the_box_is(
    corners: tuple[int, int, int, int], place: tuple[int | None, int | None, int | None]
) -> None:
    picture, ink = blank(), lettering("cat 0.50", 12)
    tag(picture, corners, "cat 0.50", 12, colour_of(0))
    found = changed(picture)
    left, top, bottom = min(x for x, _ in found), min(y for _, y in found), max(y for _, y in found) + 1
    assert (max(x for x, _ in found) + 1 - left, bottom - top) == (ink.shape[1], ink.shape[0])
    assert all(wanted in (None, is_there) for wanted, is_there in zip(place, (left, top, bottom), strict=True))
    if place[0] is None:
        assert left + ink.shape[1] == 160


def test_letters_are_dark_on_light_and_light_on_dark() -> None:
    for class_id, dark in ((3, True), (4, False)):
        picture = blank()
        tag(picture, (20, 60, 90, 90), "cat", 16, colour_of(class_id))
        ground = to_yuv(colour_of(class_id), "601")[0]
        ink = picture.y[picture.y != GREY[0]].astype(int) - ground
        assert bool(ink.min() < -80) is dark
        assert bool(ink.max() > 80) is not dark


def test_letters_differ_and_labels_are_equally_high() -> None:
    one, other = lettering("agp 0.11", 14), lettering("agp 0.12", 14)
    assert not np.array_equal(one, other)
    assert lettering("a", 14).shape[0] == lettering("Ågjp", 14).shape[0]
    assert all(
        side % 2 == 0 for text in ("", "i", "person") for size in (11, 17, 40) for side in lettering(text, size).shape
    )


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([640, 1280]))
def test_a_picture_is_even_and_fits_and_is_never_enlarged(width: int, height: int, most: int) -> None:
    across, down = fitted(width, height, most)
    assert across % 2 == down % 2 == 0
    assert 2 <= across <= max(2, min(width, most))
    assert 2 <= down <= max(2, min(height, most))
    if min(across, down) > 40:
        assert across / down == pytest.approx(width / height, rel=0.06)

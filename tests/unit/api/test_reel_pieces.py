"""From hits to the pieces of a reel."""

from collections.abc import Sequence

import pytest

from api.requests.reel_pieces import PIECES, REEL_MS, Hit, Margin, pieces
from contracts.errors import InvalidInput

DURATIONS = {"a": 60_000.0, "b": 10_000.4, "photo": 0.0}
NONE = Margin(0, 0)


def shown(
    hits: Sequence[tuple[str, float, float]], margin: Margin = NONE, most_ms: int | None = None
) -> list[tuple[str, int, int, int]]:
    found, _ = pieces([Hit(*hit) for hit in hits], DURATIONS, margin, most_ms)
    return [(piece.video_id, piece.from_ms, piece.to_ms, piece.at_ms) for piece in found]


def test_pieces_keep_the_order_of_the_hits() -> None:
    hits = [("a", 30_000, 31_000), ("b", 0, 500), ("a", 1000.6, 1200.2)]
    assert shown(hits) == [("a", 30_000, 31_000, 0), ("b", 0, 500, 1000), ("a", 1000, 1201, 1500)]


def test_a_margin_ends_with_the_video() -> None:
    assert shown([("b", 500, 9500)], Margin(1000, 2000)) == [("b", 0, 10_001, 0)]
    assert shown([("photo", 0, 0)], Margin(1000, 1000)) == [("photo", 0, 1, 0)]


def test_hits_that_overlap_with_their_margins_are_shown_once() -> None:
    hits = [("a", 5000, 6000), ("b", 0, 100), ("a", 7000, 8000), ("a", 3000, 3500), ("a", 20_000, 20_001)]
    margin = Margin(500, 1000)
    assert shown(hits, margin) == [("a", 2500, 9000, 0), ("b", 0, 1100, 6500), ("a", 19_500, 21_001, 7600)]


def test_a_hit_within_another_adds_nothing() -> None:
    assert shown([("a", 2000, 2500), ("a", 0, 9000)]) == [("a", 0, 9000, 0)]


def test_what_has_no_room_is_left_out_and_counted() -> None:
    hits = [Hit("a", 0, 1000), Hit("a", 5000, 6000), Hit("a", 9000, 9100)]
    found, left_out = pieces(hits, DURATIONS, NONE, 1500)
    assert ([piece.from_ms for piece in found], left_out) == ([0], 2)


def test_a_first_piece_that_is_too_long_is_cut() -> None:
    assert shown([("a", 0, 50_000), ("b", 0, 1)], most_ms=2000) == [("a", 0, 2000, 0)]


def test_many_pieces_are_left_out_and_counted() -> None:
    hits = [Hit("a", at * 10, at * 10 + 1) for at in range(PIECES + 3)]
    found, left_out = pieces(hits, DURATIONS, NONE, REEL_MS)
    assert (len(found), left_out) == (PIECES, 3)


@pytest.mark.parametrize(
    ("hit", "reason"),
    [
        (Hit("a", 2, 1), "piece 0: to_ms"),
        (Hit("b", 10_001, 10_002), "piece 0: the video ends"),
        (Hit("long", 0, 2 * REEL_MS), "give max_ms"),
    ],
)
def test_a_hit_that_cannot_be_shown_is_refused(hit: Hit, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        pieces([hit], {**DURATIONS, "long": 9.0 * REEL_MS}, NONE, None)

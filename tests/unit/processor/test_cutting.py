"""Cutting: every frame exactly once, whatever the index looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import VideoRefused
from contracts.wire.messages import SCHEMA, PacketIndex
from processor.core.cutting import cut, shown


def index(times: list[int], keyframes: list[int]) -> PacketIndex:
    """A video without reordering: dts are the times."""
    return PacketIndex(SCHEMA, (1, 25), "pts", tuple(times), tuple(times), tuple(keyframes))


@given(
    gaps=st.lists(st.integers(1, 5), min_size=1, max_size=300),
    keys=st.sets(st.integers(0, 299)),
    size=st.integers(1, 120),
    first=st.none() | st.integers(1, 120),
)
def test_every_frame_from_the_first_keyframe_on_is_in_one_span(
    gaps: list[int], keys: set[int], size: int, first: int | None
) -> None:
    times = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    keyframes = sorted(key for key in keys if key < len(times)) or [0]
    spans = cut(index(times, keyframes), size, first)
    assert [time for span in spans for time in span.times] == times[keyframes[0] :]
    assert [span.first_frame for span in spans] == [sum(len(s.times) for s in spans[:i]) for i in range(len(spans))]
    assert [span.end for span in spans] == [*(span.times[0] for span in spans[1:]), None]
    assert all(len(span.times) <= 2 * size for span in spans)
    for span in spans:
        assert span.seeks[-1] is None
        starts = [dts for dts in span.seeks if dts is not None]
        assert starts == sorted(starts, reverse=True)
        assert all(dts <= span.times[0] and times.index(dts) in keyframes for dts in starts)


def test_spans_start_at_the_keyframes_nearest_to_the_aim() -> None:
    spans = cut(index(list(range(100)), [0, 12, 24, 36, 48, 60, 72, 84, 96]), 30)
    assert [span.first_frame for span in spans] == [0, 24, 48, 72]
    assert [span.seeks[0] for span in spans] == [None, 24, 48, 72]


def test_a_group_that_is_too_long_is_cut_inside_with_a_lead_in() -> None:
    spans = cut(index(list(range(100)), [0, 90]), 20)
    assert [span.first_frame for span in spans] == [0, 20, 40, 60, 90]
    assert [span.seeks for span in spans] == [(None,), (None,), (None,), (None,), (90, None)]


def test_the_first_spans_are_short_so_that_first_frames_come_soon() -> None:
    spans = cut(index(list(range(3000)), list(range(0, 3000, 12))), 240, 24)
    assert [len(span.times) for span in spans] == [24, 48, 96, 192, *[240] * 10, 120, 60, 60]
    assert [span.first_frame for span in cut(index(list(range(300)), [0]), 100, 24)] == [0, 24, 72, 168, 268]
    assert cut(index(list(range(50)), [0]), 20, 24) == cut(index(list(range(50)), [0]), 20)


def test_the_last_spans_are_short_so_that_detectors_end_together_where_keyframes_allow_it() -> None:
    def lengths(frames: int, group: int) -> list[int]:
        return [len(span.times) for span in cut(index(list(range(frames)), list(range(0, frames, group))), 240)]

    assert lengths(960, 12) == [240, 240, 240, 120, 60, 60]
    assert lengths(100, 12) == [48, 52]
    assert lengths(72, 12) == [72]
    assert lengths(480, 240) == [240, 240], "nothing is decoded twice for it"
    assert lengths(300, 300) == [240, 60]


def test_reordered_frames_are_planned_in_the_order_of_display() -> None:
    packets = PacketIndex(SCHEMA, (1, 25), "pts", (0, 3, 1, 2, 4, 7, 5, 6), (-1, 0, 1, 2, 3, 4, 5, 6), (0, 4))
    spans = cut(packets, 4)
    assert [span.times for span in spans] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert spans[1].seeks == (3, None)


def test_frames_before_the_first_keyframe_do_not_count() -> None:
    packets = PacketIndex(SCHEMA, (1, 25), "pts", (0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (2,))
    assert [span.times for span in cut(packets, 10)] == [(2, 3, 4)]


def test_a_video_without_a_keyframe_is_refused() -> None:
    with pytest.raises(VideoRefused, match="no keyframe"):
        cut(index([0, 1, 2], []), 10)


def test_a_keyframe_that_is_never_shown_is_still_where_decoding_starts() -> None:
    """An edit list hides the first frames of the groups at 0 and 4."""
    packets = PacketIndex(SCHEMA, (1, 25), "pts", (None, None, 0, 1, None, 2, 3), tuple(range(7)), (0, 4))
    assert [(span.times, span.seeks) for span in cut(packets, 2)] == [((0, 1), (None,)), ((2, 3), (4, None))]
    assert shown(packets) == (0, 1, 2, 3)

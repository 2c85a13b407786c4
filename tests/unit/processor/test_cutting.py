"""Cutting: every frame exactly once, whatever the index looks like."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.errors import VideoRefused
from contracts.wire.messages import SCHEMA, Location, PacketIndex
from contracts.wire.runs import MOST_FRAMES
from processor.core.cutting import LAST_FRAMES, Cutter, Span, _bounds


def index(times: list[int], keyframes: list[int]) -> PacketIndex:
    """A video without reordering: dts are the times."""
    return located(PacketIndex(SCHEMA, (1, 25), "pts", tuple(times), tuple(times), tuple(keyframes)))


def located(packets: PacketIndex) -> PacketIndex:
    return replace(packets, locations=tuple(Location(1000 + number, 10) for number in packets.keyframes))


def cut(packets: PacketIndex, size: int, first: int | None = None) -> tuple[Span, ...]:
    return Cutter(packets).cut(size, first, LAST_FRAMES)


def seeks(span: Span) -> tuple[int | None, ...]:
    """The packets that decoding of a span may start at, None for the file's start."""
    [stretch] = span.stretches
    return tuple(None if point is None else point.packet for point in stretch.seeks)


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
    assert [packet for span in spans for packet in span.packets] == list(range(keyframes[0], len(times)))
    for span in spans:
        assert seeks(span)[-1] is None
        starts = [packet for packet in seeks(span) if packet is not None]
        assert starts == sorted(starts, reverse=True)
        assert all(packet <= span.packets[0] and packet in keyframes for packet in starts)
        assert span.stretches[0].last == span.packets[-1]


@settings(max_examples=50)
@given(share=st.floats(0, 1), size=st.integers(24, 60), before=st.integers(0, 3))
def test_a_group_of_any_length_is_decoded_at_most_one_and_a_half_times(share: float, size: int, before: int) -> None:
    length = max(1, int(share * 200 * size))
    keyframes = [number * 10 for number in range(before + 1)]
    frames = keyframes[-1] + length
    group = [span for span in cut(index(list(range(frames)), keyframes), size, 24) if span.packets[-1] > keyframes[-1]]
    assert all(len(span.times) <= (16 * size if span.run is None else 1.5 * size) for span in group)
    assert decoded(group, keyframes[-1]) <= 1.5 * length + 3 * size


@pytest.mark.parametrize(("millions", "most"), [(3, 1.51), (4, 2.34), (20, 6.2)])
def test_a_group_of_millions_of_frames_is_decoded_a_few_times(millions: int, most: float) -> None:
    """Since a message has at most so many frames."""
    bounds = [*_bounds(millions * 10**6, [0], 240, 24, LAST_FRAMES), millions * 10**6]
    assert max(after - before for before, after in pairwise(bounds)) <= MOST_FRAMES
    assert sum(bounds[1:]) <= most * bounds[-1]


def decoded(spans: list[Span], keyframe: int) -> int:
    """Frames that are decoded, from the keyframe on, when each run is decoded in one go."""
    last = {span.first_frame if span.run is None else span.run: span for span in spans}
    return sum(span.packets[-1] + 1 - max(keyframe, seeks(span)[0] or 0) for span in last.values())


def test_frames_that_are_not_stored_as_they_are_shown_are_no_run() -> None:
    """Nothing would tell when a chunk of it is done."""
    times = [0, *range(999, 0, -1)]
    spans = cut(index(times, [0]), 10)
    assert {span.run for span in spans} == {None}
    assert max(len(span.times) for span in spans) == 160
    assert [time for span in spans for time in span.times] == sorted(times)


def test_spans_start_at_the_keyframes_nearest_to_the_aim() -> None:
    spans = cut(index(list(range(100)), [0, 12, 24, 36, 48, 60, 72, 84, 96]), 30)
    assert [span.first_frame for span in spans] == [0, 24, 48, 60, 72, 84]
    assert [seeks(span)[0] for span in spans] == [None, 24, 48, 60, 72, 84]


def test_a_group_that_is_too_long_is_cut_inside_with_a_lead_in() -> None:
    spans = cut(index(list(range(100)), [0, 90]), 20)
    assert [span.first_frame for span in spans] == [0, 30, 90]
    assert [seeks(span) for span in spans] == [(None,), (None,), (90, None)]


def test_the_first_spans_are_short_so_that_first_frames_come_soon() -> None:
    spans = cut(index(list(range(3000)), list(range(0, 3000, 12))), 240, 8)
    assert [len(span.times) for span in spans][:7] == [12, 12, 36, 60, 132, 240, 240]
    assert [span.first_frame for span in cut(index(list(range(300)), [0]), 100, 8)] == [0, 8, 33, 100]
    assert [span.first_frame for span in cut(index(list(range(400)), list(range(0, 400, 48))), 240, 8)][:3] == [
        0,
        8,
        48,
    ]
    assert cut(index(list(range(50)), [0]), 20, 24) == cut(index(list(range(50)), [0]), 20)


def test_the_last_spans_are_short_so_that_detectors_end_together() -> None:
    def lengths(frames: int, group: int, last: int = 16) -> list[int]:
        video = index(list(range(frames)), list(range(0, frames, group)))
        return [len(span.times) for span in Cutter(video).cut(240, last=last)]

    assert lengths(960, 12) == [240, 240, 156, 108, 72, 48, 36, 24, 12, 24]
    assert lengths(960, 12, last=48) == [240, 240, 156, 108, 72, 48, 48, 48]
    assert lengths(100, 12) == [36, 24, 12, 12, 16]
    assert lengths(24, 12) == [24]
    assert lengths(960, 48) == [240, 240, 144, 96, 96, 48, 48, 16, 16, 16], "inside the last group"
    assert lengths(480, 240) == [240, 240], "little is decoded twice for it"
    assert lengths(300, 300) == [300]


@given(frames=st.integers(1, 2000), group=st.integers(1, 400), size=st.integers(1, 300))
def test_for_short_spans_one_in_sixteen_frames_is_decoded_twice_at_most(frames: int, group: int, size: int) -> None:
    keyframes = list(range(0, frames, group))
    bounds = _bounds(frames, keyframes, size, size, LAST_FRAMES)
    plain = [start for start in bounds if start not in keyframes and start + size < frames]
    again = sum(start % group for start in bounds if start not in plain)
    assert again <= frames // 16 or group > 2 * size


def test_reordered_frames_are_planned_in_the_order_of_display() -> None:
    packets = PacketIndex(SCHEMA, (1, 25), "pts", (0, 3, 1, 2, 4, 7, 5, 6), (-1, 0, 1, 2, 3, 4, 5, 6), (0, 4))
    spans = cut(located(packets), 4)
    assert [span.times for span in spans] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert [span.packets for span in spans] == [(0, 2, 3, 1), (4, 6, 7, 5)]
    assert [span.stretches[0].last for span in spans] == [3, 7]
    assert seeks(spans[1]) == (4, None)


def test_frames_before_the_first_keyframe_do_not_count() -> None:
    packets = PacketIndex(SCHEMA, (1, 25), "pts", (0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (2,))
    assert [span.times for span in cut(packets, 10)] == [(2, 3, 4)]


def test_a_video_without_a_keyframe_is_refused() -> None:
    with pytest.raises(VideoRefused, match="no keyframe"):
        cut(index([0, 1, 2], []), 10)


def test_a_keyframe_that_is_never_shown_is_still_where_decoding_starts() -> None:
    """An edit list hides the first frames of the groups at 0 and 4."""
    packets = PacketIndex(SCHEMA, (1, 25), "pts", (None, None, 0, 1, None, 2, 3), tuple(range(7)), (0, 4))
    spans = cut(located(packets), 2)
    assert [(span.times, seeks(span)) for span in spans] == [((0, 1), (None,)), ((2, 3), (4, None))]
    assert Cutter(packets).order.times == (0, 1, 2, 3)

"""Which frames of a recording have a result, and what is said of the others."""

from collections.abc import Iterable

from contracts.live.results import LiveFrame
from contracts.wire.messages import DroppedFrames, Options, Plan
from processor.recordings import matching
from processor.recordings.matching import Matched, match, plan_of_most

START = 7_000_000_123
TICKS = 3000  # 30 fps
TIMES = [number * TICKS + number % 7 for number in range(90)]
END = 90 * TICKS


def live(number: int, plan: int = 1, **dropped: int) -> LiveFrame:
    """The result of a frame of the recording."""
    return at(START + TIMES[number], plan, **dropped)


def at(pts: int, plan: int = 1, **dropped: int) -> LiveFrame:
    return LiveFrame(0, pts, 64, 48, b"", b"", b"", 0.0, 0.0, plan, dropped)


def matched(frames: Iterable[LiveFrame], max_fps: float | None = None, after: LiveFrame | None = None) -> Matched:
    return match(TIMES, END, frames, START, frozenset({1}), max_fps, (None, after))


def ms(number: int) -> float:
    return round(TIMES[number] / 90, 3)


def test_a_frame_has_the_result_with_exactly_its_pts() -> None:
    frames = [live(number) for number in range(90)]
    found = matched([*reversed(frames), at(START + TIMES[5] + 1), live(3)])
    assert found.numbers == tuple(range(90))
    assert found.times == tuple(TIMES)
    assert list(found.frames) == frames
    assert found.dropped == ()


def test_frames_that_came_too_fast_are_named_in_one_range() -> None:
    found = matched([live(0), *(live(number, behind=1) for number in range(2, 90, 2))], after=at(START + END, behind=1))
    assert found.numbers == tuple(range(0, 90, 2))
    assert found.dropped == (DroppedFrames(0.0, 3000.0, 45, "behind"),)


def test_ranges_with_a_whole_stretch_between_them_stay_apart() -> None:
    numbers = [number for number in range(90) if number not in (10, 11, 60)]
    told = {12: {"behind": 2}, 61: {"transport": 1}}
    found = matched(live(number, **told.get(number, {})) for number in numbers)
    assert found.dropped == (
        DroppedFrames(ms(9), ms(12), 2, "behind"),
        DroppedFrames(ms(59), ms(61), 1, "transport"),
    )


def test_what_the_network_lost_is_named_though_it_has_no_frame() -> None:
    found = matched(live(number, **({"network": 4} if number == 20 else {})) for number in range(90))
    assert found.numbers == tuple(range(90))
    assert found.dropped == (DroppedFrames(ms(19), ms(20), 4, "network"),)


def test_frames_that_nobody_accounts_for_were_not_analysed() -> None:
    found = matched(live(number) for number in range(30, 60))
    assert found.dropped == (
        DroppedFrames(0.0, ms(30), 30, matching.NOT_ANALYSED),
        DroppedFrames(ms(59), 3000.0, 30, matching.NOT_ANALYSED),
    )


def test_what_max_fps_leaves_out_is_not_dropped_but_a_long_gap_is() -> None:
    every_tenth = [live(number) for number in range(0, 90, 10)]
    assert matched(every_tenth, max_fps=3).dropped == ()
    found = matched([live(0), live(80)], max_fps=3)
    assert found.dropped == (DroppedFrames(0.0, ms(80), 7, matching.NOT_ANALYSED),)


def test_drops_before_the_first_frame_belong_to_the_recording_before() -> None:
    found = matched(live(number, **({"behind": 50} if number == 1 else {})) for number in range(1, 90))
    assert found.dropped == (DroppedFrames(0.0, ms(1), 1, "behind"),)


def test_results_by_other_options_are_left_out_and_named() -> None:
    found = matched(live(number, plan=1 if number >= 5 else 0) for number in range(90))
    assert found.numbers == tuple(range(5, 90))
    assert found.dropped == (DroppedFrames(0.0, ms(5), 5, matching.OTHER_OPTIONS),)


def plan(digest: str) -> Plan:
    return Plan("m", digest, "openvino", "fp32", Options())


def test_the_plan_of_most_results_counts_and_of_several_the_latest() -> None:
    one, two = plan("1"), plan("2")
    assert plan_of_most([live(0, plan=1), live(1, plan=2), live(2, plan=2)], {1: one, 2: two}) == (two, frozenset({2}))
    assert plan_of_most([live(0, plan=3), live(1, plan=2)], {3: one, 2: two}) == (one, frozenset({3}))
    assert plan_of_most([live(0, plan=1), live(1, plan=1), live(2, plan=2)], {2: two}) == (two, frozenset({2}))
    assert plan_of_most([live(0, plan=1)], {2: two}) is None


def test_revisions_that_change_nothing_of_the_analysis_are_one() -> None:
    plans = {1: plan("1"), 2: plan("2"), 3: plan("1")}
    frames = [live(0, plan=1), live(1, plan=2), live(2, plan=2), live(3, plan=3), live(4, plan=3)]
    assert plan_of_most(frames, plans) == (plan("1"), frozenset({1, 3}))


def test_a_drop_that_is_told_of_early_or_late_belongs_to_the_gap_that_lacks_frames() -> None:
    frames = [live(number) for number in range(90) if number not in (20, 50)]
    early = {19: {"behind": 1}, 53: {"transport": 1}}
    found = matched(live(number, **early.get(number, {})) for number in range(90) if number not in (20, 50))
    assert len(frames) == len(found.frames)
    assert found.dropped == (
        DroppedFrames(ms(19), ms(21), 1, "behind"),
        DroppedFrames(ms(49), ms(51), 1, "transport"),
    )


def test_a_frame_that_cannot_be_decoded_counts_once() -> None:
    found = matched(live(number, **({"network": 1} if number == 19 else {})) for number in range(90) if number != 20)
    assert found.dropped == (DroppedFrames(ms(19), ms(21), 1, "network"),)


def test_there_is_a_bound_of_the_ranges_and_none_of_the_frames() -> None:
    times = [number * TICKS for number in range(5000)]
    frames = [at(time, **({"behind": 1} if place % 2 else {})) for place, time in enumerate(times) if place % 4 != 2]
    found = match(times, 5000 * TICKS, frames, 0, frozenset({1}), None)
    assert len(found.dropped) <= matching.MOST_RANGES + 2
    assert sum(item.frames for item in found.dropped) == 1250

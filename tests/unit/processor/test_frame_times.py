"""Times of frames from the container's own: they never fall, and no frame is lost where the clock breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.core.frame_times import Break, frame_times, untimed

LEAP = 60_000


def times(*own: int | None) -> tuple[int, ...]:
    return frame_times(own, 40, LEAP).times


def breaks(*own: int | None) -> list[tuple[int, str]]:
    return [(item.frame, item.reason) for item in frame_times(own, 40, LEAP).breaks]


def test_a_clock_that_runs_on_is_taken_as_it_is() -> None:
    assert frame_times((100, 140, 180), 40, LEAP).times == (100, 140, 180)
    assert frame_times((100, 140, 180), 40, LEAP).breaks == (Break(0, 100, "start"),)
    assert times(0, 40, 40, 120) == (0, 40, 40, 120), "two frames may have one time"


def test_a_clock_that_begins_anew_goes_on_by_the_last_duration() -> None:
    own = (1000, 1040, 1080, 1120, 1000, 1040, 1080)
    assert times(*own) == (1000, 1040, 1080, 1120, 1160, 1200, 1240)
    assert frame_times(own, 40, LEAP).breaks == (Break(0, 1000, "start"), Break(4, 1000, "jump_back"))
    assert breaks(0, 40, 80, 0, 40, 80, 0, 40) == [(0, "start"), (3, "jump_back"), (6, "jump_back")]


def test_a_leap_is_no_pause() -> None:
    assert times(0, 40, 80, 10**9, 10**9 + 40) == (0, 40, 80, 120, 160)
    assert breaks(0, 40, 80, 10**9, 10**9 + 40) == [(0, "start"), (3, "jump_forward")]
    assert times(0, 40, 80, 50_000, 50_040) == (0, 40, 80, 50_000, 50_040), "it is a pause"


def test_of_one_frame_an_hour_no_pause_is_a_leap() -> None:
    hours = tuple(number * 3_600_000 for number in range(12))
    assert times(*hours) == hours


def test_frames_without_a_time_are_spread_between_their_neighbours() -> None:
    assert times(None, 40, None, None, 160, None) == (0, 40, 80, 120, 160, 200)
    assert times(None, None) == (0, 40)


@pytest.mark.parametrize("own", [(0, 40, 160, 80, 120, 200), (0, 120, 40, 80, 240, 160, 200, 280)])
def test_times_in_the_order_of_decoding_are_put_into_that_of_display(own: tuple[int, ...]) -> None:
    assert times(*own) == tuple(sorted(own))
    assert len(breaks(*own)) == 1


def test_where_packets_are_counted_the_nth_frame_has_the_nth_time() -> None:
    assert untimed((0, 3, 1, 2, 4), 1).times == (0, 1, 2, 3, 4)


@given(own=st.lists(st.none() | st.integers(-(10**6), 10**6), min_size=1, max_size=80), duration=st.integers(1, 100))
def test_times_never_fall_and_each_frame_has_one(own: list[int | None], duration: int) -> None:
    found = frame_times(own, duration, LEAP)
    assert len(found.times) == len(own)
    assert list(found.times) == sorted(found.times)
    assert [item.frame for item in found.breaks] == sorted({item.frame for item in found.breaks})
    assert found.breaks[0].frame == 0

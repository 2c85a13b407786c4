"""max_fps: which frames are taken."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts.live.streams import TICKS_PER_SECOND
from detector.decode.pace import Pace


def taken(interval: float, times: list[int]) -> list[int]:
    pace = Pace(interval)
    return [pts for pts in times if pace.takes(pts)]


def test_a_rate_that_does_not_divide_the_streams_is_met_on_average() -> None:
    """25 frames per second, at most 10: 4 of 10."""
    times = [number * TICKS_PER_SECOND // 25 for number in range(250)]
    found = taken(TICKS_PER_SECOND / 10, times)
    assert len(found) == 100
    assert {later - earlier for earlier, later in pairwise(found)} == {7200, 10800}


def test_all_are_taken_without_a_rate_and_with_one_above_the_streams() -> None:
    times = list(range(0, 90_000, 9000))
    assert taken(0, times) == times
    assert taken(TICKS_PER_SECOND / 11, times) == times


def test_a_gap_or_a_fall_of_the_times_gives_no_burst_and_no_pause() -> None:
    assert taken(9000, [0, 3000, 900_000, 903_000, 906_000, 909_000]) == [0, 900_000, 909_000]
    assert taken(9000, [900_000, 0, 3000, 9000]) == [900_000, 0, 9000]


@given(st.floats(1, 50_000), st.lists(st.integers(1, 20_000), max_size=300))
def test_never_more_than_that_many_in_any_time(interval: float, steps: list[int]) -> None:
    times = [sum(steps[:number]) for number in range(len(steps))]
    found = taken(interval, times)
    for first in range(len(found)):
        for last in range(first + 1, len(found)):
            assert last - first <= (found[last] - found[first]) / interval + 1

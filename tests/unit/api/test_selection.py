"""Where reading begins in a long result, and that nothing is lost by it."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.results.selection import Query, Selection, segment_at, walk
from contracts.results.codec import time_ms, times_ms
from tests.support.results.example_results import Made, block, header, results, some_ms


@given(results(), st.data())
def test_a_walk_gives_each_frame_of_the_period_once(made: Made, data: st.DataObject) -> None:
    from_ms, to_ms = data.draw(st.none() | some_ms(made)), data.draw(st.none() | some_ms(made))
    first = data.draw(st.integers(0, 12))
    selection = Selection(Query(from_ms=from_ms, to_ms=to_ms), made.header)
    walked = list(walk(made, selection, first_frame=first))
    found = [number for part in walked if part is not None for number in part.frame.tolist()]
    expected = [
        seen.frame
        for seen in made.seen()
        if seen.frame >= first and (from_ms is None or seen.ms >= from_ms) and (to_ms is None or seen.ms < to_ms)
    ]
    if made.finished == len(made.segments) or first < made.starts[made.finished]:
        assert found == expected
    assert walked.count(None) == (walked[-1:] == [None])


@given(results(), st.data())
def test_segments_before_that_of_a_time_are_earlier(made: Made, data: st.DataObject) -> None:
    ms = data.draw(some_ms(made))
    position = segment_at(made, ms)
    before = [part for part in made.segments[:position] if part is not None]
    assert all(time_ms(int(part.time[-1]), made.header.time_base) < ms for part in before if len(part))
    assert position <= made.finished


@pytest.mark.parametrize(("fps", "most"), [(25.0, 4), (7.0, 26)])
def test_time_in_a_long_result_is_found_with_few_reads(fps: float, most: int) -> None:
    """At a steady rate at once, and else in steps that double."""
    segments = 2000
    made = Made(
        header(fps=fps),
        range(0, 100 * segments, 100),
        [
            block([(number, 40 * number, ()) for number in (start, start + 99)])
            for start in range(0, 100 * segments, 100)
        ],
    )
    for position in (0, 1, 999, 1000, 1998, 1999):
        made.looked.clear()
        assert segment_at(made, 4000 * position + 20.0) == position
        assert len(made.looked) <= most


@example([396_232_504_380], (1, 11))  # more microseconds than a double tells apart
@given(
    st.lists(st.integers(-(2**62), 2**62) | st.integers(-(10**6), 10**6), max_size=5),
    st.tuples(st.integers(1, 10**6), st.integers(1, 2**31)),
)
def test_times_of_many_frames_equal_single_ones(times: list[int], time_base: tuple[int, int]) -> None:
    told = times_ms(np.array(times, np.int64), time_base).tolist()
    assert told == [time_ms(time, time_base) for time in times]

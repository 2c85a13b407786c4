"""Which frames a job looks at."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.wire.messages import SCHEMA, Options, PacketIndex
from processor.core.cutting import Cutter
from processor.core.sampling import wanted

MS = (1, 1000)
TIMES = [40 * i for i in range(100)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), list(range(100))),
        (Options(every_n=30), [0, 30, 60, 90]),
        (Options(every_n=1000), [0]),
        (Options(start_ms=80, end_ms=200), [2, 3, 4]),
        (Options(start_ms=80.001, end_ms=200.001), [3, 4, 5]),
        (Options(every_n=30, start_ms=1000), [30, 60, 90]),
        (Options(sample_fps=1), [0, 25, 50, 75]),
        (Options(sample_fps=10), [i for i in range(100) if i % 5 in (0, 3)]),
        (Options(sample_fps=500), list(range(100))),
        (Options(start_ms=4000), []),
    ],
    ids=str,
)
def test_the_options_pick_frames(options: Options, expected: list[int]) -> None:
    assert list(wanted(TIMES, MS, options)) == expected


def test_a_variable_rate_is_sampled_by_time_not_by_count() -> None:
    times = [0, 10, 20, 30, 1000, 1010, 5000, 5990, 6000]
    assert list(wanted(times, MS, Options(sample_fps=1))) == [0, 4, 6, 8]


@given(gaps=st.lists(st.integers(1, 5000), min_size=1, max_size=200), fps=st.floats(0.01, 100))
def test_sampling_takes_one_frame_per_tick_that_has_one(gaps: list[int], fps: float) -> None:
    times = [sum(gaps[:i]) + 777 for i in range(len(gaps))]
    picked = wanted(times, (1, 90_000), Options(sample_fps=fps))
    ticks = [(time - 777) * Fraction(str(fps)) // 90_000 for time in times]
    assert [ticks[number] for number in picked] == sorted(set(ticks))
    assert all(number == ticks.index(ticks[number]) for number in picked)


@given(
    keys=st.sets(st.integers(0, 99)),
    size=st.integers(1, 50),
    numbers=st.sets(st.integers(0, 99), min_size=1),
)
def test_picked_spans_hold_the_picked_frames_and_nothing_else(keys: set[int], size: int, numbers: set[int]) -> None:
    index = PacketIndex(SCHEMA, MS, "pts", tuple(TIMES), tuple(TIMES), tuple(sorted(keys | {0})))
    cutter = Cutter(index)
    spans = cutter.pick(cutter.cut(size), sorted(numbers))
    found = [
        (number, time)
        for span in spans
        for number, time in zip(
            span.sampled or range(span.first_frame, span.first_frame + len(span.times)), span.times, strict=True
        )
    ]
    assert found == [(number, TIMES[number]) for number in sorted(numbers)]
    assert all(span.times for span in spans)
    assert [packet for span in spans for packet in span.packets] == sorted(numbers)
    for span in spans:
        assert [stretch.at for stretch in span.stretches] == sorted({stretch.at for stretch in span.stretches})
        stops = [*(stretch.at for stretch in span.stretches[1:]), len(span.packets)]
        assert [stretch.last for stretch in span.stretches] == [span.packets[stop - 1] for stop in stops]
    assert all(span.end is None or span.times[-1] < span.end for span in spans)

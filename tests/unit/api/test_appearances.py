"""When a label is seen, compared with intervals that plain Python finds."""

from hypothesis import given
from hypothesis import strategies as st

from api.results.appearances import AppearanceQuery, Interval, IntervalPage, find
from contracts.results.codec import EMPTY
from tests.support.results.example_results import Made, Seen, block, header, results, some_ms


def plain(frames: list[Seen], label: str, min_score: float, gap_ms: float) -> list[Interval]:
    """All intervals by a loop."""
    intervals: list[list[Seen]] = []
    for seen in frames:
        if not seen.count(label, min_score):
            continue
        if intervals and round(1000 * (seen.ms - intervals[-1][-1].ms)) <= 1000 * gap_ms:
            intervals[-1].append(seen)
        else:
            intervals.append([seen])
    return [
        Interval(
            part[0].ms,
            part[-1].ms,
            part[0].frame,
            part[-1].frame,
            len(part),
            max(seen.count(label, min_score) for seen in part),
        )
        for part in intervals
    ]


def read_all(made: Made, query: AppearanceQuery, limit: int) -> list[Interval]:
    """Page by page."""
    found: list[Interval] = []
    frame = 0
    while True:
        page = find(made, query, limit, frame)
        found += page.intervals
        if page.next_frame is None:
            return found
        assert len(page.intervals) == limit
        frame = page.next_frame


def asked(data: st.DataObject, made: Made) -> AppearanceQuery:
    return AppearanceQuery(
        label=data.draw(st.sampled_from(["cat", "dog", "cup"])),
        min_score=data.draw(st.none() | st.sampled_from([0.35, 0.6, 1.0])),
        from_ms=data.draw(st.none() | some_ms(made)),
        gap_ms=data.draw(st.sampled_from([0.0, 100.0, 700.0, 2000.0])),
        backwards=data.draw(st.booleans()),
    )


@given(results(running=False), st.data())
def test_pages_give_each_appearance_once_and_in_order(made: Made, data: st.DataObject) -> None:
    query = asked(data, made)
    every = plain(made.seen(), query.label, query.min_score or 0.0, query.gap_ms)
    start = query.from_ms
    if query.backwards:
        expected = [interval for interval in reversed(every) if start is None or interval.from_ms < start]
    else:
        expected = [interval for interval in every if start is None or interval.from_ms >= start]
    assert read_all(made, query, data.draw(st.sampled_from([1, 2, 1000]))) == expected


@given(results(running=False), st.data())
def test_pages_of_a_running_job_equal_those_after_its_end(made: Made, data: st.DataObject) -> None:
    """Segments come one by one; what grows is told so and comes again."""
    query = asked(data, made)
    limit = data.draw(st.sampled_from([1, 2, 1000]))
    expected = read_all(made, query, limit)
    settled: list[Interval] = []
    frame: int | None = 0
    for there in range(len(made.segments) + 1):
        part = Made(made.header, made.starts, [*made.segments[:there], *[None] * (len(made.segments) - there)])
        if query.backwards:
            _growing_alone_may_change(find(part, query, 1000), made, query)
            continue
        for _ in range(len(made.seen()) + 2):
            assert frame is not None
            page = find(part, query, limit, frame)
            settled += [interval for interval in page.intervals if not interval.growing]
            if page.next_frame in (None, frame):
                break
            frame = page.next_frame
    if not query.backwards:
        assert settled == expected


def _growing_alone_may_change(page: IntervalPage, made: Made, query: AppearanceQuery) -> None:
    later = {interval.first_frame: interval for interval in find(made, query, 1000).intervals}
    for interval in page.intervals:
        grown = later[interval.first_frame]
        assert interval == grown or (interval.growing and grown.last_frame >= interval.last_frame)
    assert not any(interval.growing for interval in page.intervals[1:])


def test_backward_search_passes_a_failed_segment() -> None:
    cat = block([(4, 4, ()), (8, 8, [(0, 5000)])])
    segments = [block([(0, 0, ())]), block([(1, 1, ())]), EMPTY, block([(3, 3, ())]), cat, block([(9, 9, ())])]
    made = Made(header(fps=1.0), (0, 1, 2, 3, 4, 9), list(segments))
    found = find(made, AppearanceQuery(label="cat", from_ms=9.0, gap_ms=0.0, backwards=True), 1).intervals
    assert [(interval.first_frame, interval.last_frame) for interval in found] == [(8, 8)]


def test_appearance_at_the_frontier_grows_and_is_found_from_within() -> None:
    parts = [block([(i, 40 * i, [(0, 5000)]) for i in range(start, start + 25)]) for start in (0, 25)]
    running = Made(header(), (0, 25, 50), [*parts, None])
    (interval,) = find(running, AppearanceQuery(label="cat"), 10).intervals
    assert (interval.from_ms, interval.to_ms, interval.frames, interval.growing) == (0, 1960, 50, True)
    back = find(running, AppearanceQuery(label="cat", backwards=True, from_ms=500.0), 10)
    assert (back.intervals, back.next_frame) == ([interval], None)
    ahead = find(running, AppearanceQuery(label="cat", from_ms=500.0), 10)
    assert ahead.intervals == []
    assert ahead.next_frame is not None

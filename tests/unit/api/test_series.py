"""Objects per label over time, against a count in plain Python."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.results.selection import Query, Selection
from api.results.series import Span, read_series, span_of, to_document
from contracts.wire.messages import Options
from tests.support.results.example_results import LABELS, Made, Seen, block, header, results, some_ms


def plain(frames: list[Seen], span: Span, labels: tuple[str, ...], min_score: float) -> dict[str, Any]:
    """The same document by loops."""
    buckets: list[list[Seen]] = [[] for _ in range(span.buckets)]
    for seen in frames:
        if span.from_ms <= seen.ms < span.to_ms:
            place = max(i for i in range(span.buckets) if span.from_ms + i * span.bucket_ms <= seen.ms)
            buckets[place].append(seen)
    wanted = labels or tuple(label for label in LABELS if label)
    shown = {}
    for label in wanted:
        counts = [[seen.count(label, min_score) for seen in bucket] for bucket in buckets]
        if any(map(any, counts)):
            most = [max(bucket, default=0) for bucket in counts]
            first = next(seen.frame for bucket in buckets for seen in bucket if seen.count(label, min_score))
            mean = [round(sum(c) / len(c), 3) if c else 0.0 for c in counts]
            shown[label] = {"first_frame": first, "max": most, "mean": mean}
    some = [sum(any(seen.count(label, min_score) for label in wanted) for seen in bucket) for bucket in buckets]
    return {"frames": [len(bucket) for bucket in buckets], "any": some, "labels": shown}


@given(results(), st.data())
def test_buckets_equal_a_naive_count(made: Made, data: st.DataObject) -> None:
    start, end = data.draw(some_ms(made)), data.draw(some_ms(made))
    min_score = data.draw(st.sampled_from([0.0, 0.35, 0.6, 1.0]))
    labels = data.draw(st.sampled_from([(), ("cat",), ("cup", "dog")]))
    span = span_of(made, start, end, data.draw(st.integers(1, 40)), True)
    query = Query(labels=labels, min_score=min_score, from_ms=span.from_ms, to_ms=span.to_ms)
    series, waiting = read_series(made, Selection(query, made.header), span)
    document = to_document(made, series, waiting, True)
    expected = plain(made.seen(), span, labels, min_score)
    assert {name: document[name] for name in expected} == expected
    inside = [seen.ms for seen in made.seen() if span.from_ms <= seen.ms < span.to_ms]
    assert document["frontier_ms"] == ((inside[-1] if inside else span.from_ms) if waiting else None)


@given(results(), st.data())
def test_span_is_covered_by_buckets_no_shorter_than_frames(made: Made, data: st.DataObject) -> None:
    asked = data.draw(st.integers(1, 4000))
    start, end = data.draw(st.none() | some_ms(made)), data.draw(st.none() | some_ms(made))
    span = span_of(made, start, end, asked, data.draw(st.booleans()))
    length = span.to_ms - span.from_ms
    assert 1 <= span.buckets <= asked
    assert span.buckets * span.bucket_ms >= length - 1e-6
    assert (span.buckets - 1) * span.bucket_ms <= length
    assert span.bucket_ms >= min(1000 / made.header.media.fps, length) - 1e-6
    if start is None and end is None and made.finished == len(made.segments):
        assert all(span.from_ms <= seen.ms < span.to_ms for seen in made.seen())


def test_running_job_has_its_final_span() -> None:
    frames = [block([(i, 1000 + 40 * i, ()) for i in range(25)]), None]
    video = Made(header(), (0, 25), list(frames))
    assert (span_of(video, None, None, 500, False).from_ms, span_of(video, None, None, 500, False).to_ms) == (
        1000,
        5000,
    )
    part = Made(header(options=Options(start_ms=1000, end_ms=3000, every_n=5)), (0, 25), list(frames))
    span = span_of(part, None, None, 500, False)
    assert (span.from_ms, span.to_ms, span.bucket_ms, span.buckets) == (1000, 3000, 200, 10)

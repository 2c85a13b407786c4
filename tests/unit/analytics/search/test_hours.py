"""Hours of the day, days of the week and dates as spans of time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.search.hours import DAY, Hours, Span, common, from_ms, merged, spans, to_ms

BERLIN = ZoneInfo("Europe/Berlin")
YEAR = (to_ms(datetime(2026, 1, 1, tzinfo=UTC)), to_ms(datetime(2027, 1, 1, tzinfo=UTC)))
MINUTE = 60_000


def written(found: list[Span]) -> list[tuple[str, str]]:
    return [(f"{from_ms(low):%m-%dT%H:%M}", f"{from_ms(high):%m-%dT%H:%M}") for low, high in found]


def between(start: str, end: str) -> Span:
    return to_ms(datetime.fromisoformat(start)), to_ms(datetime.fromisoformat(end))


@pytest.mark.parametrize(
    ("hours", "within", "expected"),
    [
        pytest.param(
            Hours(BERLIN, 8 * 60, 9 * 60),
            ("2026-01-01T00:00Z", "2026-01-03T00:00Z"),
            [("01-02T07:00", "01-02T08:00"), ("01-01T07:00", "01-01T08:00")],
            id="each day",
        ),
        pytest.param(
            Hours(BERLIN, 22 * 60, 5 * 60),
            ("2026-01-01T00:00Z", "2026-01-02T00:00Z"),
            [("01-01T21:00", "01-02T00:00"), ("01-01T00:00", "01-01T04:00")],
            id="over midnight, and no further than asked",
        ),
        pytest.param(
            Hours(ZoneInfo("UTC"), days=frozenset({0, 1, 4})),
            ("2026-01-01T00:00Z", "2026-01-10T00:00Z"),
            [("01-09T00:00", "01-10T00:00"), ("01-05T00:00", "01-07T00:00"), ("01-02T00:00", "01-03T00:00")],
            id="days that follow each other are one span",
        ),
        pytest.param(
            Hours(ZoneInfo("UTC"), 22 * 60, 5 * 60, frozenset({4})),
            ("2026-01-01T00:00Z", "2026-01-08T00:00Z"),
            [("01-02T22:00", "01-03T05:00")],
            id="a night is of the day on which it begins",
        ),
        pytest.param(
            Hours(BERLIN, 60, 4 * 60),
            ("2026-03-28T12:00Z", "2026-03-29T12:00Z"),
            [("03-29T00:00", "03-29T02:00")],
            id="the night in which clocks go forward is shorter",
        ),
        pytest.param(
            Hours(BERLIN, 60, 4 * 60),
            ("2026-10-24T12:00Z", "2026-10-25T12:00Z"),
            [("10-24T23:00", "10-25T03:00")],
            id="the night in which clocks go back is longer",
        ),
        pytest.param(
            Hours(BERLIN, 2 * 60 + 30, 4 * 60),
            ("2026-03-28T12:00Z", "2026-03-29T12:00Z"),
            [("03-29T01:00", "03-29T02:00")],
            id="what begins at a time that is skipped begins at the change",
        ),
        pytest.param(
            Hours(BERLIN, 60, 2 * 60 + 30),
            ("2026-03-28T12:00Z", "2026-03-29T12:00Z"),
            [("03-29T00:00", "03-29T01:00")],
            id="what ends at a time that is skipped ends at the change",
        ),
        pytest.param(
            Hours(BERLIN, 2 * 60, 2 * 60 + 30),
            ("2026-03-28T12:00Z", "2026-03-29T12:00Z"),
            [],
            id="what is skipped is no time",
        ),
        pytest.param(
            Hours(BERLIN, 3 * 60, 4 * 60),
            ("2026-03-28T12:00Z", "2026-03-29T12:00Z"),
            [("03-29T01:00", "03-29T02:00")],
            id="what is after the skipped time begins at the change",
        ),
        pytest.param(
            Hours(BERLIN, 60, 2 * 60 + 30),
            ("2026-10-24T12:00Z", "2026-10-25T12:00Z"),
            [("10-24T23:00", "10-25T01:30")],
            id="what ends at a time that is shown twice ends the second time",
        ),
        pytest.param(
            Hours(BERLIN, 2 * 60 + 30, 4 * 60),
            ("2026-10-24T12:00Z", "2026-10-25T12:00Z"),
            [("10-25T00:30", "10-25T03:00")],
            id="what begins at a time that is shown twice begins the first time",
        ),
        pytest.param(
            Hours(BERLIN, 60, 2 * 60),
            ("2026-10-24T12:00Z", "2026-10-25T12:00Z"),
            [("10-24T23:00", "10-25T00:00")],
            id="what ends before the times that are shown twice ends once",
        ),
        pytest.param(
            Hours(ZoneInfo("America/Havana"), days=frozenset({5})),
            ("2026-10-30T12:00Z", "2026-11-02T12:00Z"),
            [("10-31T04:00", "11-01T04:00")],
            id="a day ends where midnight is shown twice",
        ),
    ],
)
def test_hours_are_those_of_the_clocks_of_the_zone(
    hours: Hours, within: tuple[str, str], expected: list[tuple[str, str]]
) -> None:
    assert written(list(spans(hours, between(*within)))) == expected


@given(
    st.integers(0, DAY - 1),
    st.integers(1, DAY),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Chatham", "Australia/Lord_Howe"]),
    st.integers(*YEAR),
    st.integers(0, 4 * DAY * MINUTE),
)
def test_each_moment_is_in_a_span_where_its_clock_says_so(
    start: int, end: int, days: frozenset[int], zone: str, low: int, length: int
) -> None:
    hours = Hours(ZoneInfo(zone), start, end, days)
    found = list(spans(hours, (low, low + length)))
    assert found == merged(found)
    for moment in range(low, low + length, 7 * 60 * MINUTE):
        shown = from_ms(moment).astimezone(hours.zone)
        minute, day = shown.hour * 60 + shown.minute, shown.weekday()
        if start < end:
            expected = start <= minute < end and day in days
        else:
            expected = (minute >= start and day in days) or (minute < end and (day - 1) % 7 in days)
        inside = any(first <= moment < last for first, last in found)
        if expected or not _is_near_a_change(moment, hours.zone):
            assert inside == expected


def _is_near_a_change(moment: int, zone: ZoneInfo) -> bool:
    """Whether clocks are set within two days, when a span may begin at a time that they show twice, or never."""
    shown = {from_ms(moment + day * DAY * MINUTE).astimezone(zone).utcoffset() for day in (-2, 0, 2)}
    return len(shown) > 1


_span = st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair)))


@given(st.lists(_span), st.lists(_span))
def test_what_is_in_both_is_common(first: list[Span], second: list[Span]) -> None:
    def points(some: list[Span]) -> set[int]:
        return {point for low, high in some for point in range(low, high)}

    found = list(common(merged(first), merged(second)))
    assert points(found) == points(first) & points(second)
    assert sorted(found, reverse=True) == found

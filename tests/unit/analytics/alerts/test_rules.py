"""Which sightings fit a rule, when, and how many become alerts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.alerts.rate import limited
from analytics.alerts.rule import Rule, Search, Sighting, dwells_wanted, matches, raised_at
from analytics.alerts.schedule import Schedule, first_within, problem
from analytics.scenes.events import Direction, EventType
from analytics.search.hours import from_ms, to_ms

MINUTE = 60_000
NIGHT = Schedule(start="22:00", end="06:00", timezone="Europe/Berlin")


def ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def sighting(**values: Any) -> Sighting:
    usual: dict[str, Any] = {
        "track": 1,
        "label": "person",
        "score": 9000,
        "begin": 1000,
        "end": 6000,
        "start": 0,
        "job_id": "j",
    }
    return Sighting(**usual | values)


def event(kind: EventType, **values: Any) -> Sighting:
    return sighting(**{"end": 1000, "scene_id": "s", "event": kind} | values)


def rule(schedule: Schedule | None = None, **search: Any) -> Rule:
    return Rule("r", Search(**search), schedule, MINUTE)


@pytest.mark.parametrize(
    ("search", "fits", "misfits"),
    [
        ({}, sighting(), event(EventType.ENTERS)),
        ({"label": ("dog", "person")}, sighting(), sighting(label="car")),
        ({"min_score": 0.9}, sighting(), sighting(score=8999)),
        ({"min_ms": 5000}, sighting(), sighting(end=5999)),
        ({"stream_id": ("a",)}, sighting(source="stream:a"), sighting(source="stream:b")),
        ({"source": ("door",)}, sighting(source="door"), sighting()),
        ({"source": ("door",), "stream_id": ("a",)}, sighting(source="stream:a"), sighting(source="yard")),
        ({"tag": ("x", "y")}, sighting(tags=frozenset("yz")), sighting(tags=frozenset("z"))),
        ({"scene_id": "s"}, event(EventType.APPEARS, zone="door"), sighting()),
        ({"scene_id": "s"}, event(EventType.CROSSES, line="gate"), event(EventType.LEAVES)),
        ({"scene_id": "s"}, event(EventType.ENTERS), event(EventType.ENTERS, scene_id="t")),
        ({"scene_id": "s", "zone": "door"}, event(EventType.ENTERS, zone="door"), event(EventType.ENTERS, zone="yard")),
        (
            {"scene_id": "s", "line": "gate"},
            event(EventType.CROSSES, line="gate"),
            event(EventType.ENTERS, zone="gate"),
        ),
        (
            {"scene_id": "s", "event": EventType.CROSSES, "direction": Direction.FORWARD},
            event(EventType.CROSSES, direction=Direction.FORWARD),
            event(EventType.CROSSES, direction=Direction.BACKWARD),
        ),
        (
            {"scene_id": "s", "event": EventType.DWELLS, "min_ms": 9000},
            event(EventType.DWELLS, dwell_ms=9000),
            event(EventType.DWELLS, dwell_ms=5000),
        ),
        ({"scene_id": "s", "event": EventType.LEAVES}, event(EventType.LEAVES), event(EventType.ENTERS)),
    ],
)
def test_a_rule_fits_what_it_says(search: dict[str, Any], fits: Sighting, misfits: Sighting) -> None:
    assert raised_at(rule(**search), fits) == 1000
    assert not matches(rule(**search), misfits)


def test_a_track_that_reaches_into_the_schedule_raises_the_alert_then() -> None:
    begin = ms("2026-11-29T21:59:00+01:00")
    stays = sighting(begin=begin, end=begin + 5 * MINUTE)
    assert raised_at(rule(NIGHT), stays) == ms("2026-11-29T22:00:00+01:00")
    assert not matches(rule(NIGHT), replace(stays, end=begin + MINUTE - 1))
    assert raised_at(rule(), stays) == begin


def test_what_is_dated_by_its_upload_fits_no_schedule() -> None:
    at = ms("2026-11-29T23:00:00+01:00")
    known, unknown = sighting(begin=at, end=at), sighting(begin=at, end=at, dated=False)
    assert (matches(rule(NIGHT), known), matches(rule(NIGHT), unknown), matches(rule(), unknown)) == (True, False, True)


@pytest.mark.parametrize(
    ("days", "at", "on"),
    [
        ((4,), "2026-11-27T22:00:00+01:00", True),  # a Friday
        ((4,), "2026-11-28T05:59:59+01:00", True),  # in its night
        ((4,), "2026-11-28T06:00:00+01:00", False),
        ((4,), "2026-11-28T22:00:00+01:00", False),
        ((4,), "2026-11-27T05:00:00+01:00", False),  # in the night of Thursday
    ],
)
def test_days_are_those_on_which_the_hours_begin(days: tuple[int, ...], at: str, on: bool) -> None:
    schedule = Schedule(days, "22:00", "06:00", "Europe/Berlin")
    assert (first_within(schedule, ms(at), ms(at)) is not None) == on


@pytest.mark.parametrize(
    ("at", "on"),
    [
        # 29 March 2026, 2:00 is set to 3:00: half past two never comes, and the hours begin when clocks are set.
        ("2026-03-29T00:59:59+00:00", False),
        ("2026-03-29T01:00:00+00:00", True),
        ("2026-03-29T01:59:59+00:00", True),
        ("2026-03-29T02:00:00+00:00", False),
        # 25 October 2026, 3:00 is set to 2:00: half past two comes twice, and both are in.
        ("2026-10-25T00:30:00+00:00", True),
        ("2026-10-25T01:30:00+00:00", True),
        ("2026-10-25T02:59:59+00:00", True),
        ("2026-10-25T03:00:00+00:00", False),
    ],
)
def test_schedules_follow_the_clocks_when_these_are_set(at: str, on: bool) -> None:
    schedule = Schedule(start="02:30", end="04:00", timezone="Europe/Berlin")
    assert (first_within(schedule, ms(at), ms(at)) is not None) == on


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns")
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@example(days=frozenset({6}), start="01:30", end="02:30", zone="Europe/Berlin", at=datetime(2026, 10, 25, 1, 10))
@example(days=frozenset({5}), start="22:00", end="02:30", zone="Europe/Berlin", at=datetime(2026, 3, 29, 1, 10))
@given(
    days=st.frozensets(st.integers(0, 6), min_size=1),
    start=CLOCKS,
    end=CLOCKS,
    zone=st.sampled_from(ZONES),
    at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),
)
@settings(max_examples=200, deadline=None)
def test_a_schedule_is_on_when_the_clocks_say_so(
    days: frozenset[int], start: str, end: str, zone: str, at: datetime
) -> None:
    """Where clocks show a time twice, it may be on at one of the two alone only at its ends."""
    if start == end:
        return
    moment = at.replace(tzinfo=UTC)
    local = moment.astimezone(ZoneInfo(zone))
    shown, day = f"{local:%H:%M}", local.weekday()
    before = (day - 1) % 7
    if start < end:
        expected = day in days and start <= shown < end
    else:
        expected = (day in days and shown >= start) or (before in days and shown < end)
    found = first_within(Schedule(tuple(days), start, end, zone), to_ms(moment), to_ms(moment))
    offsets = {(moment + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset() for hours in (-4, 4)}
    if len(offsets) == 1:
        assert (found is not None) == expected
    elif expected:
        assert found is not None


@given(begin=st.integers(0, 10**12), length=st.integers(0, 3 * 86_400_000))
@settings(max_examples=100, deadline=None)
def test_the_first_moment_is_within_both(begin: int, length: int) -> None:
    found = first_within(NIGHT, begin, begin + length)
    if found is None:
        assert length < 86_400_000
        return
    assert begin <= found <= begin + length
    assert first_within(NIGHT, found, found) == found
    hour = from_ms(found).astimezone(ZoneInfo("Europe/Berlin")).hour
    assert hour >= 22 or hour < 6
    if found > begin:
        assert first_within(NIGHT, begin, found - 1) is None


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(days=()), "has no days"),
        (Schedule(start="8"), "from of the schedule is '8'"),
        (Schedule(end="24:30"), "to of the schedule is '24:30'"),
        (Schedule(end="٢٢:00"), "write a time of the day"),
        (Schedule(start="24:00", end="06:00"), "the day after"),
        (Schedule(start="08:00", end="08:00"), "nothing is between them"),
        (Schedule(timezone="Berlin"), "no time zone 'Berlin'"),
        (Schedule(timezone="../../etc/passwd"), "no time zone"),
    ],
)
def test_a_schedule_that_means_nothing_is_told_why(schedule: Schedule, words: str) -> None:
    assert words in (problem(schedule) or "")
    assert problem(NIGHT) is None
    assert problem(Schedule()) is None


def test_scenes_are_evaluated_once_for_each_time_of_dwelling() -> None:
    door: dict[str, Any] = {"scene_id": "door", "event": EventType.DWELLS}
    rules = [rule(scene_id="door"), rule(**door, min_ms=5), rule(**door, min_ms=9), rule(scene_id="yard"), rule()]
    assert dwells_wanted(rules) == {"door": {5, 9}, "yard": {None}}


TIMES = st.lists(st.integers(0, 1000), max_size=60)


@given(times=TIMES, earlier=TIMES, apart=st.integers(0, 100), most=st.integers(0, 20))
@settings(max_examples=200, deadline=None)
def test_alerts_are_apart_and_no_room_is_wasted(times: list[int], earlier: list[int], apart: int, most: int) -> None:
    chosen = limited(times, earlier, apart, most)
    kept = [times[place] for place in chosen]
    assert len(chosen) == len(set(chosen)) <= most
    assert kept == sorted(kept)
    for place, time in zip(chosen, kept, strict=True):
        others = [*earlier, *(times[other] for other in chosen if other != place)]
        assert all(abs(time - other) >= apart for other in others)
    if len(chosen) < most:  # each one that was left out is too near to one that was not
        left = [time for place, time in enumerate(times) if place not in chosen]
        assert all(any(abs(time - other) < apart for other in [*earlier, *kept]) for time in left)


def test_a_storm_is_one_alert_in_so_much_time() -> None:
    storm = [100 * number for number in range(10_000)]
    assert len(limited(storm, [], MINUTE, 100)) == 17  # 1000 s


def test_the_same_sightings_offered_again_leave_nothing_to_raise() -> None:
    times = [0, 30, 61, 90, 122]
    first = [times[place] for place in limited(times, [], 60, 100)]
    assert first == [0, 61, 122]
    assert limited(times, first, 60, 100) == []

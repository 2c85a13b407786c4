"""Events of scenes as pages, tables and counts."""

import threading
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from analytics.scenes.events import Direction, Event, EventType
from api.results.csv_rows import csv_rows
from api.results.event_cache import EventCache
from api.results.scene_events import EventQuery, SceneEvents, count, event_rows, page, require_known
from contracts.errors import CorruptData, EventsBusy, InvalidInput

FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD
MADE = SceneEvents(
    events=[
        Event(25, 1000, 0, 1, EventType.ENTERS),
        Event(50, 2000, 1, 1, EventType.CROSSES, FORWARD),
        Event(50, 2000, 1, 2, EventType.CROSSES, BACKWARD),
        Event(75, 3000, 0, 1, EventType.LEAVES, ticks=2000),
        Event(300, 12_000, 1, 3, EventType.CROSSES, FORWARD),
    ],
    zones=("room",),
    lines=("=gate",),
    labels=("cat", "dog", ""),
    track=np.array([1, 2, 3]),
    class_id=np.array([0, 1, 0]),
    score=np.array([9000, 5000, 4000]),
    time_base=(1, 1000),
    first_time=0,
    last_time=12_960,
)
EVERYTHING = EventQuery()


def frames(query: EventQuery) -> list[int]:
    return [event["frame"] for event in page(MADE, query, 0, 100)[0]]


def test_an_event_is_shown_with_what_it_has() -> None:
    shown, after = page(MADE, EVERYTHING, 1, 3)
    assert msgspec.to_builtins(shown) == [
        {
            "type": "crosses",
            "track": 1,
            "label": "cat",
            "frame": 50,
            "time_ms": 2000.0,
            "line": "=gate",
            "direction": "forward",
        },
        {
            "type": "crosses",
            "track": 2,
            "label": "dog",
            "frame": 50,
            "time_ms": 2000.0,
            "line": "=gate",
            "direction": "backward",
        },
        {"type": "leaves", "track": 1, "label": "cat", "frame": 75, "time_ms": 3000.0, "zone": "room", "seconds": 2.0},
    ]
    assert after == 4
    assert page(MADE, EVERYTHING, 4, 3)[1] is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"zones": ("room",)}, [25, 75]),
        ({"lines": ("=gate",)}, [50, 50, 300]),
        ({"zones": ("room",), "lines": ("=gate",)}, [25, 50, 50, 75, 300]),
        ({"types": ("enters", "leaves")}, [25, 75]),
        ({"labels": ("dog",)}, [50]),
        ({"start": 2.0, "stop": 3.0}, [50, 50]),
        ({"start": 2.001}, [75, 300]),
        ({"min_score": 0.5}, [25, 50, 50, 75]),
        ({"min_score": 0.5001, "types": ("crosses",)}, [50]),
    ],
)
def test_events_are_filtered(wanted: dict[str, Any], expected: list[int]) -> None:
    query = EventQuery(**wanted)
    require_known(MADE, query)
    assert frames(query) == expected
    # Page by page, whatever the places in between.
    place: int | None = 0
    found = []
    while place is not None:
        shown, place = page(MADE, query, place, 1)
        found += [event["frame"] for event in shown]
    assert found == expected


@pytest.mark.parametrize("wanted", [{"zones": ("=gate",)}, {"lines": ("room",)}, {"labels": ("cow",)}])
def test_unknown_names_are_refused_with_the_known_ones(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"it has: (room|=gate|cat, dog)$"):
        require_known(MADE, EventQuery(**wanted))


def test_counts_are_of_intervals_and_add_up() -> None:
    counts = count(MADE, EVERYTHING, 2.0).document()
    assert (counts["from_ms"], counts["to_ms"], counts["interval"]) == (0, 14_000, 2)
    assert counts["series"] == [
        {"zone": "room", "label": "cat", "type": "enters", "total": 1, "counts": [1, 0, 0, 0, 0, 0, 0]},
        {"zone": "room", "label": "cat", "type": "leaves", "total": 1, "counts": [0, 1, 0, 0, 0, 0, 0]},
        {
            "line": "=gate",
            "label": "cat",
            "type": "crosses",
            "direction": "forward",
            "total": 2,
            "counts": [0, 1, 0, 0, 0, 0, 1],
        },
        {
            "line": "=gate",
            "label": "dog",
            "type": "crosses",
            "direction": "backward",
            "total": 1,
            "counts": [0, 1, 0, 0, 0, 0, 0],
        },
    ]


@pytest.mark.parametrize(
    ("query", "interval", "span", "totals"),
    [
        (EVERYTHING, 60.0, (0, 60), 5),
        (EventQuery(start=1.5, stop=3.5), 1.0, (1.5, 3.5), 3),
        (EventQuery(start=1.0, stop=3.0), 1.0, (1.0, 3.0), 3),
        (EventQuery(start=2.0), 0.1, (2.0, 13.0), 4),
        (EventQuery(start=20.0), 5.0, (20.0, 25.0), 0),
        (EventQuery(labels=("dog",)), 10.0, (0, 20), 1),
    ],
)
def test_intervals_begin_at_the_start_and_cover_the_end(
    query: EventQuery, interval: float, span: tuple[float, float], totals: int
) -> None:
    counts = count(MADE, query, interval).document()
    assert (counts["from_ms"] / 1000, counts["to_ms"] / 1000) == span
    assert sum(one["total"] for one in counts["series"]) == totals
    assert all(sum(one["counts"]) == one["total"] for one in counts["series"])


def test_a_job_that_begins_before_0_has_intervals_from_there() -> None:
    early = replace(MADE, events=[Event(0, -500, 0, 1, EventType.APPEARS)], first_time=-500)
    counts = count(early, EVERYTHING, 10.0).document()
    assert (counts["from_ms"], counts["series"][0]["counts"]) == (-10_000, [1, 0, 0])


def test_too_many_intervals_are_refused() -> None:
    assert len(count(MADE, EventQuery(stop=1000.0), 0.1).series[0][1]) == 10_000
    with pytest.raises(InvalidInput, match="longer interval"):
        count(MADE, EventQuery(stop=1000.1), 0.1)


def test_too_many_counts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.results.scene_events.MOST_COUNTS", 28)
    assert len(count(MADE, EVERYTHING, 2.0).series) == 4
    monkeypatch.setattr("api.results.scene_events.MOST_COUNTS", 27)
    with pytest.raises(InvalidInput, match=r"7 intervals of each .* longer interval"):
        count(MADE, EVERYTHING, 2.0)
    assert len(count(MADE, EventQuery(lines=("=gate",)), 2.0).series) == 2


def test_tables_are_csv_that_no_spreadsheet_calculates() -> None:
    assert b"".join(csv_rows(event_rows(MADE, EventQuery(start=2.0, stop=3.5)))).decode().split("\r\n") == [
        "frame,time_ms,type,zone,line,direction,track,label,seconds",
        "50,2000.0,crosses,,'=gate,forward,1,cat,",
        "50,2000.0,crosses,,'=gate,backward,2,dog,",
        "75,3000.0,leaves,room,,,1,cat,2.0",
        "",
    ]
    assert b"".join(csv_rows(count(MADE, EventQuery(zones=("room",)), 10.0).rows())).decode().split("\r\n") == [
        "from_ms,zone,line,label,type,direction,count",
        "0.0,room,,cat,enters,,1",
        "10000.0,room,,cat,enters,,0",
        "0.0,room,,cat,leaves,,1",
        "10000.0,room,,cat,leaves,,0",
        "",
    ]
    assert list(csv_rows([['a"b', "c,d", 1], ["e\nf", "-1", -1]])) == [b'"a""b","c,d",1\r\n"e\nf",\'-1,-1\r\n']
    assert len(list(csv_rows([[1]] * 2500))) == 3


def test_events_are_computed_once_for_all_who_ask() -> None:
    cache, calls, go, results = EventCache(), [], threading.Event(), []

    def compute() -> SceneEvents:
        calls.append(1)
        go.wait(60)
        return MADE

    threads = [threading.Thread(target=lambda: results.append(cache.get("a", "ann", compute))) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert results == [MADE] * 4
    assert cache.get("a", "ann", compute) is MADE
    assert len(calls) == 1


def test_few_are_computed_at_once_and_the_others_are_told() -> None:
    cache, inside, go = EventCache(at_once=1, wait_seconds=0.01), threading.Event(), threading.Event()

    def compute() -> SceneEvents:
        inside.set()
        go.wait(60)
        return MADE

    thread = threading.Thread(target=lambda: cache.get("a", "ann", compute))
    thread.start()
    assert inside.wait(60)
    with pytest.raises(EventsBusy, match="other jobs"):
        cache.get("b", "ann", lambda: MADE)
    with pytest.raises(EventsBusy, match="still being computed"):
        cache.get("a", "ann", lambda: MADE)
    go.set()
    thread.join()
    assert cache.get("b", "ann", lambda: MADE) is MADE


def test_only_some_are_answered_and_the_others_are_told_at_once() -> None:
    """At most 4 of a user, and 12 of all; what is there already is had by everyone."""
    cache, inside, go = EventCache(at_once=20), threading.Semaphore(0), threading.Event()
    cache.get("kept", "ann", lambda: MADE)

    def compute() -> SceneEvents:
        inside.release()
        assert go.wait(60)
        return MADE

    def asked(user: str) -> list[threading.Thread]:
        threads = [threading.Thread(target=cache.get, args=((user, number), user, compute)) for number in range(4)]
        for thread in threads:
            thread.start()
        assert all(inside.acquire(timeout=60) for _ in threads)
        return threads

    threads = asked("ann")
    with pytest.raises(EventsBusy, match="4 of your questions"):
        cache.get("more", "ann", lambda: MADE)
    with pytest.raises(EventsBusy, match="4 of your questions"):
        cache.get(("ann", 0), "ann", lambda: MADE)
    threads += [*asked("bob"), *asked("cid")]
    with pytest.raises(EventsBusy, match="many events of other jobs"):
        cache.get("more", "dan", lambda: MADE)
    assert cache.get("kept", "ann", compute) is MADE
    go.set()
    for thread in threads:
        thread.join()
    assert cache.get("more", "ann", lambda: MADE) is MADE


def test_a_failure_is_not_kept() -> None:
    cache = EventCache()

    def fail() -> SceneEvents:
        raise CorruptData("damaged")

    for _ in range(20):
        with pytest.raises(CorruptData):
            cache.get("a", "ann", fail)
    assert cache.get("a", "ann", lambda: MADE) is MADE


MANY = replace(MADE, events=[], class_id=np.zeros(1000, np.int64), score=np.zeros(1000, np.int64))


@pytest.mark.parametrize(
    ("room", "made"),
    [
        ({"most": 300}, MADE),
        ({"most": 5000}, MANY),  # no events, but what is kept of each track
        ({"answers": 2}, MADE),
    ],
)
def test_the_oldest_events_go_first(room: dict[str, int], made: SceneEvents) -> None:
    """There is room for two."""
    cache, computed = EventCache(**room), []

    def asked(key: str) -> None:
        cache.get(key, "ann", lambda: (computed.append(key), made)[1])  # type: ignore[func-returns-value]

    for key in "ababcacb":
        asked(key)
    assert "".join(computed) == "abcab"

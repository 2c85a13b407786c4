"""Events of a job that has ended, and counts whose truth is known to the unit."""

import random

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.scenes.events import Direction, Event, EventType, SceneFold
from analytics.scenes.levels import Rules, ticks
from analytics.scenes.recorded import recorded_events, rules_of
from analytics.scenes.scene import CENTRE, FOOT, Scene, Sightings, place, sightings
from analytics.scenes.stitching import GAP_SECONDS, stitched
from contracts.errors import CorruptData, InvalidInput
from contracts.results.codec import Block
from contracts.results.filed_frames import FiledFrames
from contracts.results.result_file import ResultFile
from contracts.results.tracks_file import TracksFile
from contracts.wire.messages import Options
from tests.support.results.example_results import header
from tests.unit.analytics.scenes.filed import Found, files, walk

# Upwards in the middle, so that forward is to the right; and the right half.
GATE = {"name": "gate", "points": [[0.5, 1], [0.5, 0]]}
HALF = {"name": "half", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
SCENE = place([HALF], [GATE], 64, 48)


def events(result: ResultFile, tracks: TracksFile, scene: Scene = SCENE, rules: Rules | None = None) -> list[Event]:
    return recorded_events(FiledFrames(result, tracks), tracks.tracks(), scene, rules or Rules(3), FOOT)


def across(start: int, stop: int, y: int, frames: int = 40) -> list[tuple[int, int]]:
    return [(start + (stop - start) * i // (frames - 1), y) for i in range(frames)]


class Crossing:
    """Objects that come to a gate. Their tracks are known, and how often they really cross it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.walks: list[tuple[int, list[list[tuple[int, int]]]]] = []
        self.truth: list[tuple[int, Direction]] = []

    def add(self, kind: str) -> None:
        """Someone who comes by. Tracks are cut where a list of places ends."""
        y = self.random.randrange(1000, 4700)
        forward = self.random.random() < 0.5
        way = across(400, 6000, y) if forward else across(6000, 400, y)
        near = next(i for i, (x, _) in enumerate(way) if (x >= 3200) == forward)
        crosses = True
        if kind == "flickers":
            for i in range(near, near + 6, 2):
                way[i] = (way[i][0] - 800 if forward else way[i][0] + 800, y)
        if kind == "dithers":
            way = way[: near - 1] + [(3199 + i % 2, y) for i in range(21)] + way[near:]
        if kind == "turns back":
            way, crosses = way[: near - 3] + way[: near - 3][::-1], False
        if kind == "touches":
            way, crosses = way[:near] + [(3200, y)] * 2 + way[:near][::-1], False
        switched = kind == "is taken for another"
        missed = self.random.randrange(4) if switched else 0
        parts = [way[:near], way[near + missed :]] if switched else [way]
        self.walks.append((missed, parts))
        if crosses:
            self.truth.append((len(self.walks), Direction.FORWARD if forward else Direction.BACKWARD))

    def files(self) -> tuple[ResultFile, TracksFile, dict[Direction, int]]:
        """One after the other, with objects around that have no track."""
        found: list[Found] = []
        frame, track = 0, 0
        for missed, parts in self.walks:
            for part in parts:
                track += 1
                found += walk(track, frame, part)
                frame += len(part) + missed
            frame += self.random.randrange(15, 30) - missed
        for number in range(frame):
            for _ in range(self.random.randrange(3)):
                x, y = self.random.randrange(200, 6200), self.random.randrange(500, 4800)
                found.append(Found(number, (x - 100, y - 400, x + 100, y), 0))
        counts = {direction: [way for _, way in self.truth].count(direction) for direction in Direction}
        return *files(found, frame), counts


KINDS = ["crosses", "flickers", "dithers", "turns back", "touches", "is taken for another"]


@pytest.mark.parametrize("seed", range(3))
def test_a_crossing_is_counted_to_the_unit(seed: int) -> None:
    """With flicker, dithering on the line, ids that change on it, and objects without a track."""
    made = Crossing(seed)
    for kind in made.random.sample(KINDS * 6, 36):
        made.add(kind)
    result, tracks, truth = made.files()
    found = events(result, tracks)
    counted = {direction: sum(event.direction == direction for event in found) for direction in Direction}
    assert counted == truth
    into = [event.type for event in found if event.target == 0].count(EventType.ENTERS)
    assert into == truth[Direction.FORWARD]


@pytest.mark.parametrize(("label", "away", "missed"), [(1, 0, 2), (0, 1200, 2), (0, 0, 14)])
def test_tracks_that_cannot_be_one_object_are_two(label: int, away: int, missed: int) -> None:
    """Of another label, too far, or too late."""
    left, right = across(400, 3100, 3000, 20), across(3300, 6000, 3000 + away, 20)
    found = events(*files([*walk(1, 0, left), *walk(2, 20 + missed, right, label)], 60))
    assert [(event.track, event.type) for event in found] == [(2, "appears"), (2, "disappears")]
    one = events(*files([*walk(1, 0, left), *walk(2, 22, across(3500, 6000, 3000, 20))], 60))
    assert [(event.track, event.type) for event in one] == [(2, "enters"), (2, "crosses"), (2, "disappears")]


@pytest.mark.parametrize("anchor", [FOOT, CENTRE])
def test_a_line_between_two_tracks_of_an_object_is_crossed(anchor: str) -> None:
    """Neither of the tracks comes near it, the three of the object together do."""
    way = [*walk(1, 0, across(400, 3000, 3000, 20)), *walk(2, 22, across(3500, 4500, 3000, 10))]
    result, tracks = files([*way, *walk(3, 34, across(4700, 6000, 3000, 10))], 60)
    gate = place([], [GATE], 64, 48)
    found = recorded_events(FiledFrames(result, tracks), tracks.tracks(), gate, Rules(3), anchor)
    assert [(event.track, event.frame, event.direction) for event in found] == [(2, 22, Direction.FORWARD)]


def test_an_object_with_two_tracks_stays_once_and_each_event_names_the_track_of_then() -> None:
    way = across(400, 6000, 3000, 60)
    cut = [*walk(1, 0, way[:40]), *walk(2, 43, way[43:] + way[::-1])]
    found = events(*files(cut, 140), rules=Rules(3, 10))
    assert [(event.track, event.frame, event.direction or event.type) for event in found] == [
        (1, 30, "enters"),
        (1, 30, "forward"),
        (2, 43, "dwells"),
        (2, 90, "leaves"),
        (2, 90, "backward"),
    ]


_places = st.tuples(st.integers(0, 6400), st.integers(0, 4800))


@settings(max_examples=40)
@example([(0, [(0, 0)])] * 4 + [(1, [(0, 0)])], FOOT, ((0, 0), (0, 1), (1, 0)))
@given(
    st.lists(st.tuples(st.integers(0, 900), st.lists(_places, min_size=1, max_size=30)), min_size=1, max_size=5),
    st.sampled_from([FOOT, CENTRE]),
    st.tuples(_places, _places, _places),
)
def test_what_is_not_read_has_no_events(
    paths: list[tuple[int, list[tuple[int, int]]]], anchor: str, corners: tuple[tuple[int, int], ...]
) -> None:
    """The same events as from all boxes of all frames, with the tracks of an object as one."""
    points = [[x / 6400, y / 4800] for x, y in corners]
    scene = place([{"name": "z", "polygon": points}], [{"name": "l", "points": points}], 64, 48)
    rows = [walk(i + 1, first, path, class_id=i % 4) for i, (first, path) in enumerate(sorted(paths))]
    result, tracks = files([one for row in rows for one in row], 1000)
    every = tracks.tracks()
    object_of = np.append(0, every.id[stitched(every, ticks(GAP_SECONDS, result.header.time_base))]).astype(np.int32)
    fold = SceneFold(scene, Rules(2, 5))
    whole: list[Event] = []
    for position in range(len(result.starts)):
        ids = object_of[tracks.ids(position)]
        whole += fold.advance(sightings(result.block(position), ids, anchor, 64, 48))
    whole += fold.finish()
    found = recorded_events(FiledFrames(result, tracks), every, scene, Rules(2, 5), anchor)
    of_objects = [msgspec.structs.replace(event, track=int(object_of[event.track])) for event in found]
    assert sorted(of_objects, key=lambda event: event.order) == sorted(whole, key=lambda event: event.order)


def test_blocks_in_which_nobody_is_near_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    far, near = walk(1, 0, [(300, 3000)] * 900), walk(2, 600, across(2600, 3800, 3000, 20))
    result, tracks = files([*far, *near], 1000)
    read, block = [], result.block

    def noted(position: int, masks: bool = True) -> Block:
        read.append(position)
        return block(position, masks)

    monkeypatch.setattr(result, "block", noted)
    assert [event.type for event in events(result, tracks, place([], [GATE], 64, 48))] == ["crosses"]
    assert read == [2]


def test_more_events_than_can_be_kept_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here by a line that winds ten times around the middle."""
    spiral = {"name": "spiral", "points": [[x, y] for i in range(10) for x, y in _around(0.01 * (i + 1))]}
    result, tracks = files(walk(1, 0, across(6000, 3200, 2400)), 40)
    asked = (result, tracks, place([], [spiral], 64, 48), Rules(1))
    assert len(events(*asked)) == 10
    monkeypatch.setattr("analytics.scenes.recorded.MOST_EVENTS", 10)
    assert len(events(*asked)) == 10
    made = []
    monkeypatch.setattr("analytics.scenes.recorded.MOST_EVENTS", 3)
    monkeypatch.setattr("analytics.scenes.columns.Event", lambda *values: made.append(values))
    with pytest.raises(InvalidInput, match=r"more than 3 events .* larger linger"):
        events(*asked)
    assert made == []


def _around(away: float) -> list[tuple[float, float]]:
    return [(0.5 - away, 0.5 - away), (0.5 + away, 0.5 - away), (0.5 + away, 0.5 + away), (0.5 - away, 0.5 + away)]


def test_tracks_of_other_results_are_refused() -> None:
    result, _ = files(walk(1, 0, across(400, 6000, 3000)), 40)
    _, tracks = files(walk(1, 0, across(400, 6000, 3000, 39)), 40)
    with pytest.raises(CorruptData, match="track"):
        events(result, tracks)


def test_who_crosses_where_a_video_has_few_frames_is_counted_too() -> None:
    """25 frames a second with nobody, then 1, as of a camera that saves."""
    rules = rules_of(header((1, 1000), fps=13.0, variable=True))
    assert rules == Rules(2, None, 2000, 100)
    frame, feet = np.arange(7), np.array(across(400, 6000, 3000, 7))
    seen = Sightings(1500 + frame, 60_000 + 1000 * frame, np.ones(7, np.int64), feet)
    (crossed,) = SceneFold(place([], [GATE], 64, 48), rules).advance(seen)
    assert (crossed.frame, crossed.direction) == (1503, Direction.FORWARD)


def test_a_job_without_tracks_has_no_events() -> None:
    assert events(*files([Found(3, (0, 0, 500, 500), 0)], 10)) == []
    assert events(*files([], 0)) == []


def test_seconds_are_whole_ticks_and_flicker_a_tenth_of_a_second() -> None:
    assert [ticks(0.5, base) for base in ((1, 25), (1, 90_000), (1001, 30_000))] == [13, 45_000, 15]
    rates = [(25.0, Options()), (30.0, Options()), (60.0, Options()), (1.0, Options()), (25.0, Options(every_n=25))]
    rates += [(100.0, Options(sample_fps=20.0)), (0.0, Options())]
    rules = [rules_of(header((1, 1000), fps=fps, options=options)) for fps, options in rates]
    assert [one.linger for one in rules] == [3, 3, 6, 1, 1, 2, 1]
    assert [one.gap for one in rules[:6]] == [500, 500, 500, 2500, 2500, 500]
    assert rules_of(header((1, 1000)), 7, 1.5) == Rules(7, 1500, 500)
    assert rules_of(header((1, 1000), variable=True), 7, 1.5) == Rules(7, 1500, 2000)
    assert np.iinfo(np.int64).max > ticks(1e6, (1, 10**9))

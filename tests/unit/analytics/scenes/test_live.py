"""Events of streams as they happen, and that they are those that the recording gives."""

import io
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.scenes.events import Event
from analytics.scenes.levels import live_rules
from analytics.scenes.live import Happened, LiveScene
from analytics.scenes.recorded import recorded_events
from analytics.scenes.scene import FOOT, place
from analytics.tracking.records import tracks_of
from contracts.live.results import LiveFrame, block
from contracts.live.streams import TIME_BASE
from contracts.results import result_file, tracks_file
from contracts.results.filed_frames import FiledFrames
from contracts.results.result_file import ResultFile
from contracts.results.tracks import TrackerParameters
from contracts.results.tracks_file import TracksFile, TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA
from tests.support.results.example_results import header

WIDTH, HEIGHT = 64, 48
GATE = {"name": "gate", "points": [[0.5, 1], [0.5, 0]]}
HALF = {"name": "half", "polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
RULES = live_rules(TIME_BASE, dwell=1)
TICKS = 90_000
Seen = tuple[int, int, int]  # track, and where it stands in 1/100 px


def frame(number: int, time: int, seen: Sequence[Seen], width: int = WIDTH) -> LiveFrame:
    boxes = np.array([(x - 100, y - 400, x + 100, y) for _, x, y in seen], "<i4").reshape(-1, 4)
    return LiveFrame(
        number=number,
        pts=time,
        width=width,
        height=HEIGHT,
        class_id=np.zeros(len(seen), "<u2").tobytes(),
        score=np.full(len(seen), 9000, "<u2").tobytes(),
        box=boxes.tobytes(),
        arrival=0.0,
        done=0.0,
        plan=1,
        track=np.array([track for track, _, _ in seen], "<u4").tobytes(),
    )


def walked(*xs: int, track: int = 1, every: int = TICKS // 10, first: int = 0) -> list[LiveFrame]:
    """One object, ten times a second."""
    return [frame(first + number, (first + number) * every, [(track, x, 3000)]) for number, x in enumerate(xs)]


def live(frames: Sequence[LiveFrame], cuts: Sequence[int] = ()) -> list[Happened]:
    """The events, in order, as the frames come in pieces."""
    scene = LiveScene([HALF], [GATE], RULES, FOOT, TIME_BASE)
    found: list[Happened] = []
    for start, stop in pairwise([0, *sorted(cuts), len(frames)]):
        settled = scene.settled
        new = scene.take(frames[start:stop])
        assert all(one.event.time >= settled for one in new), "none comes before what was settled"
        found += new
    return sorted(found, key=lambda one: one.order)


def told(found: Sequence[Happened]) -> list[tuple[int, str]]:
    """The number of the frame, and what happened."""
    return [(one.event.frame, one.event.direction or one.event.type) for one in found]


def recorded(frames: Sequence[LiveFrame]) -> list[Event]:
    """The events that the recording of these frames gives, with their tracks of then."""
    times = [one.pts for one in frames]
    whole = block(frames, range(len(frames)), times)
    results, tracks = io.BytesIO(), io.BytesIO()
    result_file.write(results, header(TIME_BASE), [whole])
    seen = np.bincount(whole.tracks)
    made = tracks_of([whole], {number for number in np.flatnonzero(seen >= 3).tolist() if number}, HEIGHT)
    edges = [0, *whole.offsets()[[*ResultFile(results).starts[1:]]].tolist(), len(whole.tracks)]
    parts = [encode_numbers(whole.tracks[start:stop]) for start, stop in pairwise(edges)]
    made_by = TracksHeader(SCHEMA, "test", 1, TrackerParameters(), "0" * 64, live=True)
    tracks_file.write(tracks, made_by, parts, made.id, made)
    file = TracksFile(tracks)
    scene = place([HALF], [GATE], WIDTH, HEIGHT)
    return recorded_events(FiledFrames(ResultFile(results), file), file.tracks(), scene, RULES, FOOT)


def street(seed: int, count: int = 400) -> list[LiveFrame]:
    """Objects that come and go and are hidden for a while, in frames that are as far apart as it happens. All are gone
    for long at the end, and two have the same place never."""
    made, times = random.Random(seed), [0]
    while len(times) < count:
        times.append(times[-1] + made.choice([3600, 3600, 3000, 9000, 27_000]))
    found: list[list[Seen]] = [[] for _ in range(count)]
    track = 3
    for start in range(5, count - 120, 12):
        track += made.randrange(1, 3)
        x, step = made.randrange(200, 6200), made.randrange(-150, 150)
        hidden = range(10, 10 + made.randrange(8))
        for number in range(made.choice([1, 2, 5, 40, 80])):
            x = min(max(x + step + made.randrange(-200, 200), 100), 6300)
            if number not in hidden:
                found[start + number].append((track, x, 500 + 500 * (track % 9)))
    return [frame(number, time, seen) for number, (time, seen) in enumerate(zip(times, found, strict=True))]


@pytest.mark.parametrize("seed", range(3))
def test_events_as_they_happen_are_those_of_the_recording(seed: int) -> None:
    frames = street(seed)
    after = [frame(len(frames), frames[-1].pts + 10 * TICKS, [])]
    found = live(frames + after, range(1, len(frames)))
    assert [one.event for one in found] == sorted(recorded(frames), key=lambda one: (one.time, *one.order[1:]))
    assert len({one.event.type for one in found}) >= 5


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 399), max_size=6))
def test_they_do_not_depend_on_how_the_frames_come(cuts: list[int]) -> None:
    frames = street(7)
    assert live(frames, cuts) == live(frames)


def test_what_was_there_before_appears_nowhere_and_what_is_seen_twice_alone_is_nothing() -> None:
    there = walked(*[5000] * 12, *[1000] * 5)
    assert told(live(there)) == [(10, "dwells"), (12, "leaves"), (12, "backward")]
    comes = [frame(0, 0, []), *walked(*[5000] * 3, first=1)]
    assert told(live(comes)) == [(1, "appears")]
    assert live([frame(0, 0, []), *walked(*[5000] * 2, first=1), frame(9, 9 * TICKS, [])]) == []


def test_they_are_told_as_soon_as_they_are_known() -> None:
    scene = LiveScene([HALF], [GATE], RULES, FOOT, TIME_BASE)
    new = [told(scene.take([one])) for one in [frame(0, 0, []), *walked(*[1000] * 3, *[5000] * 3, first=1)]]
    assert new == [[], [], [], [], [], [(4, "enters"), (4, "forward")], []], "with the second frame, after 0.1 s"
    assert told(scene.take([frame(7, 7 * TICKS, [])])) == [(6, "disappears")]
    assert scene.settled == 7 * TICKS


def test_a_new_start_and_another_size_end_what_was() -> None:
    scene = LiveScene([HALF], [GATE], RULES, FOOT, TIME_BASE)
    scene.take([frame(0, 0, []), *walked(*[5000] * 5, first=1)])
    larger = frame(6, 6 * TICKS // 10, [(2, 9000, 3000)], width=2 * WIDTH)
    assert told(scene.take([larger])) == [(5, "disappears")]
    again = walked(*[5000] * 5, track=3)
    assert told(scene.take(again)) == []
    assert scene.runs == 1
    assert scene.last == again[-1].pts


def test_who_is_missed_in_a_frame_is_still_there_where_frames_are_far_apart() -> None:
    """Two of which came near each other."""
    times = [0, 5, 10, 15, 16, 20, 25, 30, 35, 40, 100]
    seen = [[(1, 5000, 3000)] if number not in (0, 7, 10) else [] for number in range(len(times))]
    frames = [frame(number, time * TICKS, seen[number]) for number, time in enumerate(times)]
    assert told(live(frames, range(1, len(frames)))) == [(1, "appears"), (2, "dwells"), (9, "disappears")]


def test_nothing_is_kept_of_tracks_that_have_ended() -> None:
    scene = LiveScene([HALF], [GATE], RULES, FOOT, TIME_BASE)
    for number in range(500):
        scene.take([frame(number, number * TICKS, [(number + 1, 5000, 3000)])])
    assert len(scene._tracks) < 5

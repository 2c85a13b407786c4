"""Tracks of made-up objects whose ways are known."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.tracking.tracker import Finished, Packed, Tracker
from contracts.results.codec import EMPTY, Block, concat
from contracts.results.tracks import TrackerParameters, Tracks
from tests.support.tracking.scene import HEIGHT, street

# x1, y1, x2, y2 in pixels, score, class_id.
Box = tuple[float, float, float, float, float, int]
Numbers = NDArray[np.int64]
SCENE = street(8, 120, seed=3)
DEFAULT = TrackerParameters(start_score=0.4)


def tracked(
    block: Block, times_us: Numbers, cuts: Sequence[int] = (), parameters: TrackerParameters = DEFAULT
) -> tuple[Numbers, Finished]:
    """The id of each detection, 0 for none, and the tracks. Between the cuts the tracker is stored, and forgets
    those that have ended."""
    tracker, numbers, ended = Tracker(parameters, HEIGHT), [np.zeros(0, np.int64)], list[Packed]()
    for start, stop in pairwise([0, *sorted(cuts), len(block)]):
        ended += tracker.take_ended()
        tracker = Tracker.from_state(tracker.state())
        numbers.append(tracker.advance(block.slice(start, stop), times_us[start:stop]).astype(np.int64))
    tracker = Tracker.from_state(tracker.state(), ended)
    found, together = tracker.finish(), np.concatenate(numbers)
    places = np.searchsorted(found.numbers, together)
    known = np.append(found.numbers, -1)[places] == together
    return np.where(known, places + 1, 0), found


def rows(tracks: Tracks) -> list[object]:
    return [
        (track.id, track.hull, track.best_box, track.path.tolist(), track.class_id, track.frames) for track in tracks
    ]


def block_of(frames: Sequence[Sequence[Box]]) -> Block:
    found = [box for frame in frames for box in frame]
    numbers = np.arange(len(frames), dtype=np.int64)
    return Block(
        numbers,
        numbers * 3600,
        np.array([len(frame) for frame in frames], np.uint32),
        np.array([box[5] for box in found], np.uint16),
        np.array([round(box[4] * 10_000) for box in found], np.uint16),
        np.array([[round(side * 100) for side in box[:4]] for box in found], np.int32).reshape(-1, 4),
    )


def ids(frames: Sequence[Sequence[Box]], fps: float = 25, min_frames: int = 3) -> list[list[int]]:
    """The ids of each frame's boxes."""
    block, times = block_of(frames), (np.arange(len(frames)) * 1e6 / fps).astype(np.int64)
    found, _ = tracked(block, times, parameters=TrackerParameters(start_score=0.4, min_frames=min_frames))
    return [part.tolist() for part in np.split(found, block.offsets()[1:-1])]


def person(x: float, y: float = 500, score: float = 0.8, label: int = 0) -> Box:
    return x, y, x + 50, y + 120, score, label


@cache
def in_one() -> tuple[Numbers, Finished]:
    return tracked(SCENE.block, SCENE.times_us)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 120), max_size=5))
def test_ids_and_tracks_are_the_same_whatever_the_cuts(cuts: list[int]) -> None:
    whole, found = in_one()
    pieces, again = tracked(SCENE.block, SCENE.times_us, cuts)
    assert pieces.tolist() == whole.tolist()
    assert rows(again.tracks) == rows(found.tracks)


def test_every_machine_gives_these_ids() -> None:
    found, _ = tracked(SCENE.block, SCENE.times_us)
    assert hashlib.sha256(found.astype("<i4").tobytes()).hexdigest()[:16] == "8886510e7d9a8434"


def test_what_is_stored_of_a_tracker_is_what_earlier_releases_stored() -> None:
    tracker = Tracker(DEFAULT, HEIGHT)
    tracker.advance(SCENE.block, SCENE.times_us)
    assert hashlib.sha256(tracker.state()).hexdigest()[:16] == "a8107099535f8deb"


def test_times_and_places_may_begin_anywhere() -> None:
    whole, _ = tracked(SCENE.block, SCENE.times_us)
    later, _ = tracked(SCENE.block, SCENE.times_us + 7_000_000_000)
    aside, _ = tracked(replace(SCENE.block, box=SCENE.block.box + 4096), SCENE.times_us)
    assert later.tolist() == aside.tolist() == whole.tolist()


def test_empty_frames_before_and_after_change_nothing() -> None:
    whole, _ = tracked(SCENE.block, SCENE.times_us)
    empty = replace(EMPTY, frame=np.arange(80), time=np.arange(80), count=np.zeros(80, np.uint32))
    times = np.arange(280) * 40_000
    padded, _ = tracked(concat([empty, SCENE.block, empty]), times)
    assert padded.tolist() == whole.tolist()


def test_tracks_say_what_their_detections_say() -> None:
    found, finished = tracked(SCENE.block, SCENE.times_us)
    frame_of = np.repeat(SCENE.block.frame, SCENE.block.count)
    assert len(finished.tracks) >= 10
    assert [track.id for track in finished.tracks] == list(range(1, len(finished.tracks) + 1))
    assert bool(np.all(np.diff(finished.tracks.first_frame) >= 0))
    for track in finished.tracks:
        mine = found == track.id
        frames, boxes, scores = frame_of[mine], SCENE.block.box[mine], SCENE.block.score[mine]
        assert (track.first_frame, track.last_frame, track.frames) == (frames[0], frames[-1], len(set(frames.tolist())))
        assert (track.first_time, track.last_time) == (SCENE.block.time[frames[0]], SCENE.block.time[frames[-1]])
        assert track.hull == (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
        best = int(np.argmax(scores))
        assert (track.best_score, track.best_frame) == (scores[best], frames[best])
        assert track.best_box == tuple(boxes[best].tolist())
        weights = np.bincount(SCENE.block.class_id[mine], weights=scores)
        assert track.class_id == int(np.argmax(weights))


def test_a_path_leaves_out_only_what_lies_on_it() -> None:
    found, finished = tracked(SCENE.block, SCENE.times_us)
    frame_of = np.repeat(SCENE.block.frame, SCENE.block.count)
    left_out = 0
    for track in finished.tracks:
        mine = found == track.id
        frames, boxes = frame_of[mine], SCENE.block.box[mine].astype(np.int64)
        foot = np.stack([(boxes[:, 0] + boxes[:, 2]) // 2, boxes[:, 3]], axis=1)
        assert track.path[[0, -1]].tolist() == [[frames[0], *foot[0]], [frames[-1], *foot[-1]]]
        line = np.stack([np.interp(frames, track.path[:, 0], track.path[:, axis]) for axis in (1, 2)], axis=1)
        assert np.hypot(*(line - foot).T).max() <= HEIGHT
        assert track.path_time.tolist() == SCENE.block.time[track.path[:, 0]].tolist()
        left_out += len(frames) - len(track.path)
    assert left_out > len(found) / 3


def test_two_who_cross_keep_their_ids() -> None:
    frames = [[person(100 + 8 * frame), person(900 - 8 * frame, 530)] for frame in range(100)]
    assert ids(frames) == [[1, 2]] * 100


def test_a_missed_object_is_found_again_until_it_is_lost() -> None:
    def gap(missed: int) -> list[int]:
        seen = [[person(100 + 3 * frame)] if not 10 <= frame < 10 + missed else [] for frame in range(30 + missed)]
        return [row[0] for row in ids(seen) if row]

    assert gap(40) == [1] * 30
    assert gap(60) == [1] * 10 + [2] * 20


def test_a_gap_in_time_ends_tracks() -> None:
    block = block_of([[person(100)]] * 20)
    times = np.concatenate([np.arange(10), 1500 + np.arange(10)]) * 40_000
    assert tracked(block, times)[0].tolist() == [1] * 10 + [2] * 10


@pytest.mark.parametrize(
    "gaps",
    [
        pytest.param([5_000_000] * 5 + [100_000] + [5_000_000] * 14, id="two near each other, as after a pause"),
        pytest.param([5_000_000] * 5 + [0] + [5_000_000] * 14, id="one picture twice"),
        pytest.param([0, 0, *[5_000_000] * 18], id="one picture thrice at the start"),
        pytest.param(
            [3_320_000, 3_360_000, 3_320_000, 3_320_000] * 5, id="as whole frames are, one of which misses it"
        ),
    ],
)
def test_frames_that_are_far_apart_are_tracked_though_not_all_are(gaps: list[int]) -> None:
    block = block_of([[person(100)] if number != 10 else [] for number in range(21)])
    assert tracked(block, np.cumsum([0, *gaps]))[0].tolist() == [1] * 20


def test_a_pause_ends_tracks_also_of_frames_that_are_far_apart() -> None:
    block = block_of([[person(100)]] * 12)
    assert (
        tracked(block, np.cumsum([0, *[3_000_000] * 5, 60_000_000, *[3_000_000] * 5]))[0].tolist() == [1] * 6 + [2] * 6
    )


@pytest.mark.parametrize("fps", [0.1, 1, 5, 120])
def test_any_rate_of_frames_is_tracked(fps: float) -> None:
    step = min(60 / fps, 40)
    frames = [[person(100 + step * frame), person(1500 - step * frame, 200)] for frame in range(30)]
    assert ids(frames, fps) == [[1, 2]] * 30


def test_a_label_that_flickers_is_one_track_with_the_label_of_most_scores() -> None:
    labels = [2, 7, 7, 2, 2, 7, 2, 2, 2, 7, 2, 2]
    frames = [[person(100 + 4 * frame, label=label)] for frame, label in enumerate(labels)]
    assert ids(frames) == [[1]] * len(labels)
    times = np.arange(len(labels)) * 40_000
    assert tracked(block_of(frames), times)[1].tracks[0].class_id == 2


def test_another_thing_at_about_the_place_of_one_is_another_track() -> None:
    """As after a cut: their boxes overlap by 0.54."""
    frames = [[person(100)]] * 10 + [[person(115, label=15)]] * 10
    assert ids(frames) == [[1]] * 10 + [[2]] * 10


def test_an_object_with_two_labels_at_once_is_counted_once() -> None:
    frames = [[person(100 + 4 * frame), person(101 + 4 * frame, score=0.5, label=7)] for frame in range(20)]
    assert ids(frames) == [[1, 0]] * 20


def test_two_labels_at_different_places_are_two_tracks() -> None:
    frames = [[person(100), (90.0, 560.0, 160.0, 640.0, 0.7, 1)]] * 20
    assert ids(frames) == [[1, 2]] * 20


def test_a_low_score_continues_a_track_and_begins_none() -> None:
    scores = [0.3, 0.8, 0.8, 0.2, 0.15, 0.8, 0.05]
    found = ids([[person(100, score=score)] for score in scores])
    assert found == [[0], [1], [1], [1], [1], [1], [0]]


def test_what_is_seen_in_too_few_frames_is_no_track_and_takes_no_id() -> None:
    frames = [[person(900)] if frame in (2, 3) else [] for frame in range(10)]
    frames += [[person(100)]] * 5
    assert [row for row in ids(frames) if row] == [[0], [0], *[[1]] * 5]
    assert [row for row in ids(frames, min_frames=2) if row] == [[1], [1], *[[2]] * 5]


def test_a_photo_has_a_track_per_object_and_no_frames_have_none() -> None:
    assert ids([[person(100), person(500)]]) == [[1, 2]]
    assert ids([[person(100)], [person(101), person(500)]]) == [[1], [1, 0]]
    assert ids([[], []]) == [[], []]
    assert len(Tracker(DEFAULT, HEIGHT).finish().tracks) == 0


def test_five_hundred_boxes_a_frame_are_tracked() -> None:
    grid = [(60.0 * (number % 25), 50.0 * (number // 25)) for number in range(500)]
    frames = [[person(x + 2 * frame, y) for x, y in grid] for frame in range(6)]
    assert ids(frames) == [list(range(1, 501))] * 6


def test_thousands_of_tracks_are_packed_and_come_back_in_order() -> None:
    boxes = [person(60 * (number % 30), 130 * (number // 30)) for number in range(200)]
    # Each time they are lost, and begin anew.
    times = (np.arange(24) * 40_000) + np.arange(24) // 3 * 10_000_000
    found, finished = tracked(block_of([boxes] * 24), times, [7, 8, 20])
    assert found.tolist() == [1 + number + 200 * (frame // 3) for frame in range(24) for number in range(200)]
    assert finished.tracks.first_frame.tolist() == [3 * (number // 200) for number in range(1600)]
    assert finished.tracks.best_box[1599].tolist() == (np.array(boxes[199][:4]) * 100).tolist()

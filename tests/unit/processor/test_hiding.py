"""What is hidden of a job's results: nothing that has a chosen label is ever left out."""

import io
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from contracts.errors import VideoRefused
from contracts.results import tracks_file
from contracts.results.result_file import ResultFile
from contracts.results.tracks_file import TracksFile, encode_numbers
from processor.renditions.hiding import Hiding, Sights, boxes_at, classes_of, pieces
from tests.support.results.example_results import LABELS, header
from tests.support.results.tracked_results import Frame, files

SECOND = 1000


def sights(*rows: tuple[int, int, int]) -> Sights:
    """Detections as (time, track, x): boxes of 10x20 pixels at x, 0."""
    times, tracks, places = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    box = np.stack([places, np.zeros_like(places), places + 10, np.full_like(places, 20)], axis=1) * 100
    return Sights(times, tracks, box, np.ones(len(rows), bool))


def at(seen: Sights, time: int, hold: int = 500) -> list[list[float]]:
    ways = pieces(seen, hold)
    places = np.flatnonzero((ways.first <= time) & (ways.last >= time))
    return sorted(np.round(boxes_at(ways, places, time, SECOND), 2).tolist())


def covers(boxes: list[list[float]], box: tuple[float, ...]) -> bool:
    return any(b[0] <= box[0] and b[1] <= box[1] and b[2] >= box[2] and b[3] >= box[3] for b in boxes)


def test_a_detection_is_hidden_with_a_margin() -> None:
    seen = sights((0, 1, 100), (40, 1, 100))
    assert covers(at(seen, 0), (96, -4, 114, 24)), "at least four pixels"


def test_between_two_detections_of_a_track_the_box_moves_in_a_straight_line_with_a_wider_margin() -> None:
    seen = sights((0, 1, 0), (1000, 1, 100))
    (box,) = at(seen, 500)
    assert (box[0] + box[2]) / 2 == 55
    assert box[2] - box[0] == 20, "half as much again on each side, half a second away from both"
    assert at(seen, 999)[-1][0] < 100


def test_a_box_stays_for_a_moment_before_and_after_its_track() -> None:
    seen = sights((1000, 1, 0), (1040, 1, 50))
    assert covers(at(seen, 501), (0, 0, 10, 20))
    assert covers(at(seen, 1539), (50, 0, 60, 20))
    assert at(seen, 499) == at(seen, 1541) == []


def test_a_box_that_stays_grows_from_where_it_was_seen() -> None:
    seen = sights((1000, 1, 100))
    for near, far in ((750, 500), (1250, 1500)):
        (nearer,), (farther,) = at(seen, near), at(seen, far)
        assert farther[2] - farther[0] == 20, "half as much again on each side, half a second away"
        assert nearer[2] - nearer[0] < 20


def test_a_detection_without_a_track_stays_on_both_sides_and_leads_nowhere() -> None:
    seen = sights((1000, 0, 0), (3000, 0, 100))
    assert at(seen, 2000) == []
    assert covers(at(seen, 1400), (0, 0, 10, 20))
    assert covers(at(seen, 2600), (100, 0, 110, 20))


def hiding(frames: Sequence[Frame], labels: Sequence[str] | None, missing: int | None = None) -> Hiding:
    results, tracks = files([frame for frame in frames if frame[0] != missing])
    return Hiding(ResultFile(io.BytesIO(results)), TracksFile(io.BytesIO(tracks)), labels)


# Track 1 is a cat that is once taken for a dog; track 2 is a cup.
FRAMES: list[Frame] = [
    (0, 0, [(0, 9000, 1), (3, 9000, 2)]),
    (1, 40, [(1, 9000, 1), (3, 9000, 2)]),
    (2, 80, [(3, 9000, 2)]),
    (3, 120, [(0, 9000, 1), (3, 9000, 2)]),
]


def hidden(frames: Sequence[Frame], labels: Sequence[str] | None) -> list[int]:
    """How many boxes are hidden in each frame at least, without what holds on from another one."""
    found = hiding(frames, labels)
    return [len({tuple(box) for box in boxes}) if (boxes := found.at(n)) is not None else -1 for n, _, _ in frames]


def test_a_track_with_one_chosen_label_is_hidden_as_a_whole() -> None:
    assert min(hidden(FRAMES, ["dog"])) > 0
    assert hidden(FRAMES, ["dog"]) == hidden(FRAMES, ["cat"]) == hidden(FRAMES, ["cat", "dog"])


def test_other_labels_are_left() -> None:
    assert sum(hidden(FRAMES[:1], ["cup"])) == sum(hidden(FRAMES[:1], ["cat"])) == sum(hidden(FRAMES[:1], None)) // 2


def test_a_frame_without_a_result_is_hidden_whole_and_one_without_objects_is_not() -> None:
    found = hiding([*FRAMES, (4, 60_000, [])], ["cat"], missing=2)
    shown = [found.at(number) for number in range(6)]
    assert [boxes is None for boxes in shown] == [False, False, True, False, False, True]
    assert shown[4] is not None
    assert len(shown[4]) == 0


def test_a_label_that_the_job_did_not_look_for_is_refused() -> None:
    assert classes_of(LABELS, None, ["cup", "cat"]).tolist() == [0, 3]
    assert classes_of(LABELS, None, None).tolist() == [0, 1, 2, 3]
    for looked_for, label in ((None, "cpu"), (("cat",), "cup")):
        with pytest.raises(VideoRefused, match=f"did not look for {label}"):
            classes_of(LABELS, looked_for, ["cat", label])


def test_the_numbers_of_tracks_of_a_live_stream_may_be_any() -> None:
    _, tracks = files(FRAMES[:1])
    made = TracksFile(io.BytesIO(tracks))
    sink, numbers = io.BytesIO(), np.array([70_001, 70_002])
    live = msgspec.structs.replace(made.header, live=True)
    tracks_file.write(sink, live, [encode_numbers(numbers)], numbers, made.tracks())
    results, _ = files([(0, 0, [(0, 9000, 1), (3, 9000, 2)])])
    found = Hiding(ResultFile(io.BytesIO(results)), TracksFile(sink), ["cat"]).at(0)
    assert found is not None
    assert len({tuple(box) for box in found.tolist()}) * 2 == sum(hidden(FRAMES[:1], None))


def test_tracks_of_another_result_are_refused() -> None:
    results, _ = files(FRAMES, header())
    _, others = files([(0, 0, [(0, 9000, 1)])], header())
    with pytest.raises(VideoRefused, match="track it again"):
        Hiding(ResultFile(io.BytesIO(results)), TracksFile(io.BytesIO(others)), None)

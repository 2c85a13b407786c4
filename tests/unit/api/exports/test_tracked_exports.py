"""Exports of tracks: MOT, CVAT, Video Intelligence, each read by its published rules."""

import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.results.export_formats import FORMATS
from api.results.exports import by_track
from api.results.exports.export import tracks_of
from api.results.selection import Query
from cli.evaluation import mot
from contracts.errors import InvalidInput, TracksMissing
from contracts.results.codec import Block
from contracts.results.filed_frames import FiledFrames
from tests.support.results.example_results import LABELS, Made, block, header
from tests.support.results.exporting import export_of, exported
from tests.support.results.tracked_results import Frame, tracked

FRAMES: list[Frame] = [
    (0, 0, [(0, 9000, 1), (1, 8000, 0)]),
    (1, 40, [(0, 5000, 1), (1, 7000, 2)]),
    (2, 80, []),
    (3, 120, [(0, 6000, 1), (3, 4000, 0)]),
    (99, 3960, [(0, 6500, 1)]),
]
# Each object: its frame, its track, its box.
Seen = set[tuple[int, int, tuple[float, ...]]]


@st.composite
def some_frames(draw: st.DrawFn) -> list[Frame]:
    """Frames with gaps and tracks with gaps; numbers of tracks rise with their first frames."""
    frames: list[Frame] = []
    known = number = 0
    for _ in range(draw(st.integers(1, 12))):
        number += draw(st.integers(1, 3))
        tracks = draw(st.lists(st.integers(1, known), unique=True, max_size=3)) if known else []
        new = draw(st.integers(0, 2))
        tracks += range(known + 1, known + new + 1)
        known += new
        objects = [(draw(st.sampled_from([0, 1, 3])), draw(st.integers(1, 10_000)), track) for track in tracks]
        frames.append((number, 40 * number, objects + [(0, 5000, 0)] * draw(st.integers(0, 2))))
    return frames


def seen_in(made: Any, query: Query | None = None) -> list[tuple[int, int, tuple[float, ...]]]:
    lines = map(json.loads, exported(made, "ndjson", query).splitlines())
    return [(line["frame"], item.get("track", 0), tuple(item["box"])) for line in lines for item in line["detections"]]


def shown_by_cvat(content: bytes, frames: int = 100) -> dict[int, dict[int, tuple[float, ...]]]:
    """The box of each track in each frame in which CVAT draws it: from a keyframe to the next, if not outside."""
    root = ElementTree.fromstring(content)  # noqa: S314  (ours)
    assert (root.tag, root.findtext("version"), root.findtext("meta/task/size")) == ("annotations", "1.1", str(frames))
    labels = {label.text for label in root.iterfind("meta/task/labels/label/name")}
    shown: dict[int, dict[int, tuple[float, ...]]] = {}
    for track in root.iterfind("track"):
        assert track.get("label") in labels
        keys = [{name: float(value) for name, value in box.items()} for box in track.iterfind("box")]
        numbers = [int(key["frame"]) for key in keys]
        assert numbers == sorted(set(numbers)) and numbers[-1] < frames  # noqa: PT018
        assert all(key["keyframe"] == 1 and key["occluded"] == 0 for key in keys)
        drawn = shown[int(track.get("id", ""))] = {}
        for key, stop in zip(keys, [*numbers[1:], frames], strict=True):
            box = tuple(key[edge] for edge in ("xtl", "ytl", "xbr", "ybr"))
            drawn |= {} if key["outside"] else dict.fromkeys(range(int(key["frame"]), stop), box)
    return shown


@st.composite
def some_recording(draw: st.DrawFn) -> FiledFrames:
    """A recording of a stream: its tracks have numbers from before, in which there are gaps; one that began before
    another may be seen after it. Or a job with the tracks of its own."""
    frames = draw(some_frames())
    if not draw(st.booleans()):
        return tracked(frames)
    known = max((track for _, _, objects in frames for *_, track in objects), default=0)
    numbers = [0, *draw(st.lists(st.integers(2, 40), min_size=known, max_size=known, unique=True))]
    renamed = [(at, ms, [(*kind, numbers[track]) for *kind, track in objects]) for at, ms, objects in frames]
    return tracked(renamed, live=True)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(some_recording(), st.sampled_from([1, 2, 5, 1000]))
def test_cvat_draws_each_object_in_its_frame_and_nothing_else(made: FiledFrames, at_once: int) -> None:
    with patch.object(by_track, "GROUP_OBJECTS", at_once), patch.object(by_track, "PART_OBJECTS", 2):
        shown = shown_by_cvat(exported(made, "cvat"))
    expected = seen_in(made)
    assert sorted((frame, box) for boxes in shown.values() for frame, box in boxes.items()) == sorted(
        (frame, box) for frame, _, box in expected
    )
    for number in {track for _, track, _ in expected} - {0}:
        assert shown[number] == {frame: box for frame, track, box in expected if track == number}
    alone = shown.keys() - {track for _, track, _ in expected}
    assert len(alone) == sum(track == 0 for _, track, _ in expected)
    assert all(len(shown[number]) == 1 for number in alone)


def test_cvat_takes_any_label_and_name() -> None:
    labels = ('<a & "b">', "bell\x07", "", "ü")
    made = tracked([(0, 0, [(0, 9000, 1), (1, 8000, 2)])], msgspec.structs.replace(header(), labels=labels))
    root = ElementTree.fromstring(exported(made, "cvat"))  # noqa: S314  (ours)
    assert [track.get("label") for track in root.iterfind("track")] == ['<a & "b">', "bell\ufffd"]


@settings(max_examples=60)
@given(some_recording(), st.sampled_from([1, 2, 5, 1000]))
def test_video_intelligence_has_an_annotation_per_track_and_per_lone_object(made: FiledFrames, at_once: int) -> None:
    with patch.object(by_track, "GROUP_OBJECTS", at_once), patch.object(by_track, "PART_OBJECTS", 2):
        document = json.loads(exported(made, "google"))
    (result,) = document["annotationResults"]
    assert result["segment"] == {"startTimeOffset": "0.000000s", "endTimeOffset": "4.000000s"}
    expected = seen_in(made)
    lone = [[(frame, box)] for frame, track, box in expected if not track]
    of_tracks = [
        [(frame, box) for frame, track, box in expected if track == number]
        for number in sorted({track for _, track, _ in expected} - {0})
    ]
    found = [_boxes(annotation) for annotation in result["objectAnnotations"]]
    assert found == [pytest.approx(_flat(boxes), abs=1e-4) for boxes in of_tracks + lone]


def _boxes(annotation: dict[str, Any]) -> list[float]:
    assert annotation["entity"]["description"] in LABELS
    times = [one["timeOffset"] for one in annotation["frames"]]
    assert all(re.fullmatch(r"\d+\.\d{6}s", time) for time in times)
    assert list(annotation["segment"].values()) == [times[0], times[-1]]
    return _flat(
        [
            (round(float(time[:-1]) * 25), tuple(one["normalizedBoundingBox"].values()))
            for time, one in zip(times, annotation["frames"], strict=True)
        ],
        of=(64, 48, 64, 48),
    )


def _flat(boxes: list[tuple[int, tuple[float, ...]]], of: tuple[int, ...] = (1, 1, 1, 1)) -> list[float]:
    return [value for frame, box in boxes for value in (frame, *(a * b for a, b in zip(box, of, strict=True)))]


def test_mot_has_a_row_per_object_with_ids_that_no_other_object_has(tmp_path: Path) -> None:
    made = tracked(FRAMES)
    lines = exported(made, "mot").decode().splitlines()
    rows = [line.split(",") for line in lines]
    assert [(int(row[0]), int(row[1])) for row in rows] == [(1, 1), (1, 3), (2, 1), (2, 2), (4, 1), (4, 4), (100, 1)]
    assert {tuple(row[7:]) for row in rows} == {("-1", "-1", "-1")}
    assert [float(row[6]) for row in rows] == [0.9, 0.8, 0.5, 0.7, 0.6, 0.4, 0.65]
    # As ground truth of 2015, our own reader of MOTChallenge gives the boxes of the results.
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt/gt.txt").write_text("\n".join(lines))
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nseqLength=100\nimWidth=64\nimHeight=48\n")
    (tmp_path / "a.mp4").touch()
    x1y1wh = [truth.box for truth in mot.read([tmp_path]).truths]
    found = [(x, y, x + width, y + height) for x, y, width, height in x1y1wh]
    assert found == [pytest.approx(box) for _, _, box in seen_in(made)]


def test_mot_of_a_recording_gives_no_object_the_number_of_a_track() -> None:
    made = tracked([(0, 0, [(0, 9000, 7), (1, 8000, 0)]), (1, 40, [(0, 8000, 2), (1, 7000, 7)])], live=True)
    rows = [line.split(",") for line in exported(made, "mot").decode().splitlines()]
    assert [(int(row[0]), int(row[1])) for row in rows] == [(1, 7), (1, 8), (2, 2), (2, 7)]


def test_mot_without_a_selected_object_says_why() -> None:
    with pytest.raises(InvalidInput, match="lower score"):
        exported(tracked(FRAMES), "mot", Query(labels=("cup",), min_score=0.9))


@pytest.mark.parametrize("form", ["mot", "cvat", "google"])
def test_what_needs_tracks_is_refused_without_them(form: str) -> None:
    made = Made(header(), (0,), [block([(0, 0, [(0, 5000)])])])
    assert FORMATS[form].needs_tracks
    with pytest.raises(TracksMissing):
        exported(made, form)


def test_one_track_is_exported_alone() -> None:
    made, query = tracked(FRAMES), Query(track=1)
    expected = [one for one in seen_in(made) if one[1] == 1]
    assert seen_in(made, query) == expected
    rows = exported(made, "csv", query).decode().splitlines()
    assert [line.split(",")[-1] for line in rows] == ["track", *["1"] * len(expected)]
    assert shown_by_cvat(exported(made, "cvat", query)) == {1: {frame: box for frame, _, box in expected}}
    (annotation,) = json.loads(exported(made, "google", query))["annotationResults"][0]["objectAnnotations"]
    assert len(annotation["frames"]) == len(expected)


@pytest.mark.parametrize("query", [Query(), Query(labels=("cat",)), Query(filled=True)], ids=["all", "cat", "filled"])
def test_a_group_of_tracks_reads_no_segment_that_begins_after_it(query: Query) -> None:
    frames: list[Frame] = [(n, 40 * n, [(int(n >= 256), 5000, n // 256 + 1)]) for n in range(256 * 4)]
    export = export_of(tracked(frames), query)
    read: list[int] = []
    whole = FiledFrames.segment

    def noted(made: FiledFrames, position: int, masks: bool = True) -> Block | None:
        read.append(position)
        return whole(made, position, masks)

    with patch.object(by_track, "GROUP_OBJECTS", 1), patch.object(FiledFrames, "segment", noted):
        for _, parts in by_track.tracked(export, tracks_of(export)):
            assert all(len(part) for part in parts)
    assert read == [0, 1, 2, 3]


def test_a_track_that_the_job_has_not_is_named() -> None:
    with pytest.raises(InvalidInput, match="the job has 2 tracks"):
        exported(tracked(FRAMES), "csv", Query(track=3))
    with pytest.raises(InvalidInput, match="no tracks"):
        exported(Made(header(), (0,), [block([(0, 0, [(0, 5000)])])]), "csv", Query(track=1))

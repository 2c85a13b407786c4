"""The list of a job's tracks, and frames that carry the numbers of tracks."""

import io
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.results import track_list
from api.results.track_list import TrackQuery, read_tracks
from api.results.track_state import has_tracks, require_tracks
from contracts.database.tables import Job
from contracts.errors import CorruptData, InvalidInput, TracksMissing
from contracts.results import result_file, tracks_file
from contracts.results.filed_frames import FiledFrames
from contracts.results.result_file import ResultFile
from contracts.results.tracks import TracksState, TracksStep
from contracts.wire.messages import to_json
from tests.support.results.example_results import block, header
from tests.support.results.tracked_results import Frame, tracked

# At 1 frame a second: a cat from 0 to 4 s, a dog from 1 to 2 s, a cup from 2 s to 3 s, a cat at 6 s.
FRAMES: list[Frame] = [
    (0, 0, [(0, 9000, 1)]),
    (1, 1000, [(0, 5000, 1), (1, 7000, 2)]),
    (2, 2000, [(1, 8000, 2), (3, 3000, 3), (0, 2000, 0)]),
    (3, 3000, [(3, 4000, 3)]),
    (4, 4000, [(0, 6000, 1)]),
    (6, 6000, [(0, 3500, 4)]),
]


def listed(query: TrackQuery, limit: int = 100, frames: FiledFrames | None = None) -> list[dict[str, Any]]:
    """All pages."""
    of = frames or tracked(FRAMES)
    assert of.tracks is not None
    found: list[dict[str, Any]] = []
    following: int | None = 0
    while following is not None:
        page, following = read_tracks(of.tracks, of.header, query, following, limit)
        assert len(page) == limit or following is None
        found += page
    return found


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (TrackQuery(), [1, 2, 3, 4]),
        (TrackQuery(labels=("cat",)), [1, 4]),
        (TrackQuery(labels=("cup", "dog")), [2, 3]),
        (TrackQuery(min_score=0.4), [1, 2, 3]),
        (TrackQuery(min_score=0.8), [1, 2]),
        (TrackQuery(min_frames=2), [1, 2, 3]),
        (TrackQuery(min_frames=3), [1]),
        (TrackQuery(from_ms=2500), [1, 3, 4]),
        (TrackQuery(from_ms=3000), [1, 3, 4]),
        (TrackQuery(to_ms=2000), [1, 2]),
        (TrackQuery(from_ms=4500, to_ms=6500), [4]),
        (TrackQuery(to_ms=0), []),
        (TrackQuery(labels=("cat",), from_ms=5000), [4]),
    ],
    ids=str,
)
def test_pages_have_the_tracks_that_are_asked_for(query: TrackQuery, expected: list[int], limit: int) -> None:
    assert [track["id"] for track in listed(query, limit)] == expected


@pytest.mark.parametrize(("most", "pages"), [(1, [[1], [2], [3], [4]]), (3, [[1], [2], [3, 4]]), (4, [[1, 2], [3, 4]])])
def test_a_page_ends_before_its_paths_have_too_many_points(most: int, pages: list[list[int]]) -> None:
    of = tracked(FRAMES)
    assert of.tracks is not None
    found: list[list[int]] = []
    following: int | None = 0
    with patch.object(track_list, "MOST_POINTS", most):
        while following is not None:
            page, following = read_tracks(of.tracks, of.header, TrackQuery(), following, 100)
            found.append([track["id"] for track in page])
    assert found == pages


def test_a_track_is_shown_in_seconds_and_pixels() -> None:
    assert listed(TrackQuery(labels=("dog",))) == [
        {
            "id": 2,
            "label": "dog",
            "first_frame": 1,
            "last_frame": 2,
            "from_ms": 1000.0,
            "to_ms": 2000.0,
            "frames": 2,
            "score": 0.8,
            "best_frame": 2,
            "best_ms": 2000.0,
            "best_box": [3.0, 3.25, 13.0, 18.5],
            "hull": [2.0, 2.25, 13.0, 18.5],
            "path": [{"frame": 1, "x": 7.0, "y": 17.5}, {"frame": 2, "x": 8.0, "y": 18.5}],
        }
    ]


def test_an_unknown_label_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="cat, dog"):
        listed(TrackQuery(labels=("cow",)))


@given(st.integers(1, 5), st.integers(1, 4), st.sampled_from(["", "cat", "dog"]))
def test_groups_of_tracks_make_no_difference(size: int, limit: int, label: str) -> None:
    query = TrackQuery(labels=(label,) if label else (), from_ms=500)
    with patch.object(tracks_file, "GROUP_TRACKS", size):
        in_groups = listed(query, limit, tracked(FRAMES))
    assert in_groups == listed(query)


def test_each_detection_has_its_track_in_every_block_of_a_long_result() -> None:
    frames: list[Frame] = [(n, 40 * n, [(n % 2, 5000, n % 2), (1, 9000, 2)]) for n in range(600)]
    made = tracked(frames)
    assert len(made.starts) == 3
    for position in range(3):
        found = made.segment(position)
        assert found is not None
        assert found.tracks.tolist() == [number for n in found.frame.tolist() for number in (n % 2, 2)]


@pytest.mark.parametrize("frames", [[(0, 0, [(0, 5000)])], [(n, n, [(0, 5000)]) for n in range(300)]])
def test_tracks_of_another_result_are_an_error(frames: list[tuple[int, int, list[tuple[int, int]]]]) -> None:
    sink = io.BytesIO()
    result_file.write(sink, header(), [block(frames)])
    with pytest.raises(CorruptData, match="POST"):
        FiledFrames(ResultFile(sink), tracked(FRAMES).tracks).segment(0)


def job(state: str, tracks: TracksState | None, *, results: bool = True) -> Job:
    return Job(state=state, tracks=None if tracks is None else to_json(tracks), summary={} if results else None)


READY = TracksState(TracksStep.READY, tracker="t 1", tracks=0)
FAILED = TracksState(TracksStep.FAILED, error={"code": "corrupt_data", "detail": "cut short"})


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (job("running", None), "running"),
        (job("succeeded", None), "no tracks have been made of the job: make them with POST"),
        (job("failed", None, results=False), "without results"),
        (job("succeeded", TracksState(TracksStep.QUEUED)), "being made"),
        (job("succeeded", FAILED), "cut short; make them with POST"),
    ],
)
def test_a_job_without_tracks_says_why(of: Job, reason: str) -> None:
    assert not has_tracks(of)
    with pytest.raises(TracksMissing, match=reason):
        require_tracks(of)


def test_tracks_of_before_are_there_while_others_are_made() -> None:
    for state in (READY, TracksState(TracksStep.QUEUED, tracker="t 1", tracks=7)):
        require_tracks(job("partial", state))

"""What the bundled model finds in the files of tests/cases: the right things, where a player shows them."""

from typing import Any

import pytest

from tests.support.deployments.service import Client, Service
from tests.support.reference import iou
from tests.support.videos.cases import FOLDER

Box = tuple[float, float, float, float]
HLG, REFERENCE = "pictures/hlg.mp4", "pictures/hlg_reference.png"
# Every sixth frame is looked at. What the clips show: a person, a cat, a cup, a person.
PARTS = ["person"] * 2 + ["cat"] * 4 + ["cup"] * 2 + ["person"] * 4
SEEN: dict[str, list[tuple[int, str, Box]]] = {
    "pictures/mirrored.mp4": [(0, "cat", (47, 32, 226, 157)), (18, "cat", (29, 29, 217, 156))],
    "pictures/turned_and_mirrored.mp4": [(6, "cat", (32, 98, 159, 286)), (18, "cat", (29, 103, 155, 295))],
    "pictures/tiles.heic": [(0, "cat", (338, 86, 921, 496))],
    "pictures/tiles_turned.heic": [(0, "cat", (272, 338, 682, 921))],
    "pictures/untagged_hd.mp4": [(0, "cat", (424, 82, 1139, 464))],
    "pictures/preview_first.mp4": [(6, "person", (106, 53, 415, 360)), (18, "cat", (143, 46, 427, 235))],
    # All three parts in pixels of the first frame, which has 160x120.
    "pictures/size_changes.webm": [
        (18, "cat", (48, 14, 143, 78)),
        (30, "cat", (52, 14, 146, 78)),
        (66, "person", (39, 10, 118, 120)),
    ],
    "pictures/gets_smaller.ts": [(6, "person", (106, 53, 415, 360)), (36, "cat", (153, 39, 447, 228))],
}
WHOLE = ["clocks/ts_clock_restarts.ts", "clocks/ts_pid_changes.ts"]


@pytest.fixture(scope="module")
def started(service: Service) -> tuple[Client, dict[str, dict[str, Any]]]:
    """A job for each file: they run while the tests wait for one after the other."""
    client = service.client()
    every_sixth = {"every_n": 6, "min_score": 0.3}
    return client, {
        name: client.start(client.upload(FOLDER / name), options=every_sixth)
        for name in (*SEEN, *WHOLE, HLG, REFERENCE)
    }


@pytest.fixture
def found(started: tuple[Client, dict[str, dict[str, Any]]], name: str) -> dict[int, list[dict[str, Any]]]:
    """The detections of each frame of a file."""
    return detections(started, name)


def detections(started: tuple[Client, dict[str, dict[str, Any]]], name: str) -> dict[int, list[dict[str, Any]]]:
    client, jobs = started
    return {frame["frame"]: frame["detections"] for frame in client.frames(client.wait(jobs[name]))}


@pytest.mark.parametrize("name", SEEN)
def test_things_are_where_a_player_shows_them(name: str, found: dict[int, list[dict[str, Any]]]) -> None:
    for number, label, box in SEEN[name]:
        assert any(item["label"] == label and iou(item["box"], box) > 0.85 for item in found[number]), found[number]


@pytest.mark.parametrize("name", WHOLE)
def test_both_halves_of_a_recording_come_one_after_the_other(name: str, found: dict[int, list[dict[str, Any]]]) -> None:
    assert list(found) == list(range(0, 72, 6))
    labels = [{item["label"] for item in items} for items in found.values()]
    assert [label in seen for label, seen in zip(PARTS, labels, strict=True)] == [True] * len(PARTS), labels


def cat(items: list[dict[str, Any]]) -> float:
    return max(float(item["score"]) for item in items if item["label"] == "cat")


def test_high_dynamic_range_scores_as_its_photograph(started: tuple[Client, dict[str, dict[str, Any]]]) -> None:
    bright, reference = (cat(detections(started, name)[0]) for name in (HLG, REFERENCE))
    assert bright == pytest.approx(reference, abs=0.06)
    assert bright == pytest.approx(0.68, abs=0.06)

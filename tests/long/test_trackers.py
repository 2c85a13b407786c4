"""Our tracks are as good as those of ByteTrack of the package `trackers`, on the same boxes of scenes whose truth is
known: of the pinned package of requirements/trackers.txt, whose environment the long tier sets up."""

import json
import subprocess
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
import pytest

from cli.evaluation.tracking_scores import Counts, Frame, counted
from tests.support.deployments.service import ROOT
from tests.support.requirements import missing
from tests.support.tracking.followed import START_SCORE, found, truth
from tests.support.tracking.scene import Scene, street

NEAR = 0.01
SCENES = 8
_PYTHON = ROOT / ".venv" / "trackers" / "bin" / "python"
# Its thresholds are set to ours. lost_track_buffer: 2 seconds, in frames of 1/30 s.
_PROGRAM = """
import json, sys
import numpy, supervision
from trackers import ByteTrackTracker

asked = json.load(sys.stdin)
for frames in asked["scenes"]:
    tracker = ByteTrackTracker(
        track_activation_threshold=asked["start"], high_conf_det_threshold=asked["start"], lost_track_buffer=60,
        frame_rate=asked["fps"],
    )
    told = []
    for boxes, scores, classes in frames:
        seen = supervision.Detections(
            numpy.array(boxes, float).reshape(-1, 4),
            confidence=numpy.array(scores, float),
            class_id=numpy.array(classes, int),
        )
        made = tracker.update(seen)
        told.append([made.tracker_id.tolist(), made.xyxy.tolist()])
    print(json.dumps(told))
"""


def theirs(scenes: Sequence[Scene], fps: float) -> list[list[Frame]]:
    """Of each scene, ids and boxes of each frame's detections that belong to a track of the other tracker."""
    if not _PYTHON.exists():
        missing("the environment of requirements/trackers.txt is missing: make test-long sets it up")
    asked = {"start": START_SCORE, "fps": fps, "scenes": [_columns(scene) for scene in scenes]}
    command = [str(_PYTHON), "-c", _PROGRAM]
    done = subprocess.run(command, input=json.dumps(asked).encode(), cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [[_in_tracks(*frame) for frame in json.loads(line)] for line in done.stdout.splitlines()]


def _columns(scene: Scene) -> list[Any]:
    """Boxes in pixels, scores and classes of each frame."""
    block = scene.block
    columns = (block.box / 100, block.score / 10_000, block.class_id)
    return [[column[first:stop].tolist() for column in columns] for first, stop in pairwise(block.offsets().tolist())]


def _in_tracks(ids: list[int], boxes: list[list[float]]) -> Frame:
    numbers = np.array(ids, np.int64)
    return numbers[numbers >= 0], np.array(boxes, float).reshape(-1, 4)[numbers >= 0]


def together(scenes: Sequence[Scene], tracks: Sequence[list[Frame]]) -> Counts:
    """Of all scenes: a single one says more of its luck than of the tracker."""
    return reduce(add, (counted(truth(scene), found) for scene, found in zip(scenes, tracks, strict=True)))


@pytest.mark.parametrize(
    ("objects", "fps", "frames"), [(5, 25, 250), (20, 25, 250), (20, 30, 250), (60, 25, 100), (20, 5, 100)]
)
def test_tracks_are_as_good_as_those_of_the_package(objects: int, fps: float, frames: int) -> None:
    scenes = [street(objects, frames, fps=fps, seed=seed) for seed in range(100, 100 + SCENES)]
    ours, other = (together(scenes, made).scores for made in ([found(one) for one in scenes], theirs(scenes, fps)))
    told = f"HOTA {ours.hota:.4f} and {other.hota:.4f}, IDF1 {ours.idf1:.4f} and {other.idf1:.4f}"
    print(told)
    assert other.hota > 0.5, f"the other one has hardly followed anything: {told}"
    assert ours.hota >= other.hota - NEAR, told
    assert ours.idf1 >= other.idf1 - NEAR, told


def test_what_the_fast_test_compares_with_is_what_the_package_gives() -> None:
    """A figure of tests/unit/analytics/test_tracking_accuracy.py."""
    scene = street(20, 250, fps=25, seed=1)
    other = together([scene], theirs([scene], 25)).scores
    assert (other.hota, other.idf1) == pytest.approx((0.8039, 0.9054), abs=5e-5)
